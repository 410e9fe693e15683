// Two inputs, two hidden neurons, an output, a loss, with their numbers. Laid out in pixels, so text keeps its size:
// from left to right where there is room, from top to bottom on a phone. Every number can be pointed at, tapped or
// reached by Tab, and then tells the sum that made it.

const drawings = new WeakMap()
const SVG = "http://www.w3.org/2000/svg"

const element = (name, attributes = {}, ...children) => {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

const text = (content, x, y, className, fill) => {
  const node = element("text", { x, y, class: className })
  if (fill) node.style.fill = `color-mix(in srgb, ${fill} 75%, var(--st-text-color, currentColor))`
  node.textContent = content
  return node
}

const places = (width) => {
  const wide = width >= 500
  if (wide) {
    const height = 310
    const column = (share) => 46 + share * (width - 92)
    const at = (share, y) => ({ x: column(share), y })
    return {
      wide,
      height,
      nodes: { x1: at(0, 75), x2: at(0, 235), h1: at(0.4, 75), h2: at(0.4, 235), p: at(0.76, 155), loss: at(1, 155) },
    }
  }
  const at = (share, y) => ({ x: width * share, y })
  return {
    wide,
    height: 520,
    nodes: { x1: at(0.2, 42), x2: at(0.8, 42), h1: at(0.2, 205), h2: at(0.8, 205), p: at(0.5, 365), loss: at(0.5, 475) },
  }
}

const RADIUS = 36

const draw = (drawing) => {
  const { data, root } = drawing
  const width = root.clientWidth
  if (!data || !width) return
  const { wide, height, nodes } = places(width)
  const focused = root.querySelector(".item:focus")?.dataset.id
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", class: data.flow })
  svg.setAttribute("aria-label", data.description)
  const note = root.querySelector(".note")

  const tell = (item) => {
    drawing.chosen = item?.id
    note.textContent = item ? item.note : data.hint
    note.classList.toggle("hint", !item)
    for (const node of svg.querySelectorAll(".item")) node.classList.toggle("chosen", node.dataset.id === item?.id)
  }

  const group = (item, kind) => {
    const node = element("g", { class: `item ${kind} ${item.live ? "live" : "still"}`, tabindex: 0, role: "img" })
    if (item.unknown) node.classList.add("unknown")
    node.dataset.id = item.id
    node.setAttribute("aria-label", item.note)
    for (const event of ["focus", "pointerenter", "click"]) node.addEventListener(event, () => tell(item))
    return node
  }

  for (const edge of data.edges) {
    const [from, to] = [nodes[edge.from], nodes[edge.to]]
    const length = Math.hypot(to.x - from.x, to.y - from.y)
    const along = (pixels) => ({
      x: from.x + ((to.x - from.x) * pixels) / length,
      y: from.y + ((to.y - from.y) * pixels) / length,
    })
    const [start, end] = [along(RADIUS), along(length - RADIUS)]
    const line = { x1: start.x, y1: start.y, x2: end.x, y2: end.y }
    const node = group(edge, "edge")
    node.append(element("line", { ...line, stroke: edge.color, "stroke-width": edge.width }))
    if (edge.live && data.flow !== "none")
      node.append(element("line", { ...line, class: "flow", stroke: data.highlight, "stroke-width": 6 }))
    const label = wide ? edge.text : (edge.short ?? edge.text)
    if (label) {
      // Crossing edges carry their label before the crossing, so that no two lie on each other.
      const straight = edge.from.slice(1) === edge.to.slice(1)
      const share = edge.to === "p" ? 0.5 : wide ? 0.36 : straight ? 0.55 : 0.2
      const spot = along(RADIUS + (length - 2 * RADIUS) * share)
      const half = label.length * 3.7 + 6
      node.append(
        element("rect", { class: "plate", x: spot.x - half, y: spot.y - 11, width: 2 * half, height: 22, rx: 6 }),
        text(label, spot.x, spot.y, "edge-text", edge.color),
      )
    }
    svg.append(node)
  }

  for (const item of data.nodes) {
    const { x, y } = nodes[item.id]
    const node = group(item, "node")
    const shape =
      item.id === "loss"
        ? element("rect", { class: "loss", x: x - 40, y: y - 30, width: 80, height: 60, rx: 12 })
        : element("circle", { cx: x, cy: y, r: RADIUS })
    if (item.live) shape.style.stroke = data.highlight
    node.append(shape, text(item.name, x, y - 13, "name"), text(item.value, x, y + 8, "value"))
    if (item.second) node.append(text(item.second, x, y + (item.id === "loss" ? 42 : RADIUS + 13), "second", data.highlight))
    svg.append(node)
  }

  for (const bias of data.biases) {
    const { x, y } = nodes[bias.node]
    const node = group(bias, "bias-item")
    // On a phone the place under a hidden neuron belongs to its edge and its derivative.
    const spot = { x, y: y - RADIUS - 14 }
    if (!wide) spot.x += bias.node === "h1" ? -18 : bias.node === "h2" ? 18 : 92
    if (!wide) spot.y += bias.node === "p" ? RADIUS + 14 : 0
    const half = bias.text.length * 3.7 + 6
    node.append(
      element("rect", { class: "plate", x: spot.x - half, y: spot.y - 11, width: 2 * half, height: 22, rx: 6 }),
      text(bias.text, spot.x, spot.y, "bias", bias.color),
    )
    svg.append(node)
  }

  root.querySelector("svg")?.remove()
  root.prepend(svg)
  const everything = [...data.nodes, ...data.edges, ...data.biases]
  tell(everything.find((item) => item.id === drawing.chosen))
  if (focused) svg.querySelector(`[data-id="${focused}"]`)?.focus()
}

export default ({ data, parentElement }) => {
  if (!drawings.has(parentElement)) {
    const root = parentElement.querySelector(".network")
    const drawing = { root, width: 0 }
    drawing.observer = new ResizeObserver(() => {
      if (root.clientWidth === drawing.width) return
      drawing.width = root.clientWidth
      requestAnimationFrame(() => draw(drawing))
    })
    drawing.observer.observe(root)
    drawings.set(parentElement, drawing)
  }
  const drawing = drawings.get(parentElement)
  drawing.data = data
  draw(drawing)
  return () => {
    drawing.observer.disconnect()
    drawings.delete(parentElement)
  }
}
