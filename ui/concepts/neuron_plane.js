// What a neuron says over the plane of its inputs, to be taken hold of: the arrow is the weights, the dashed line the bias,
// the dot an input. While it is dragged the picture is drawn here, from the activation as the server sent it, point by point;
// the server hears of it several times a second and says what it made of it.

const planes = new WeakMap()
const SVG = "http://www.w3.org/2000/svg"
const CELLS = 61
const OFTEN = 160 // milliseconds between two messages while the pointer moves
const EDGE = 26 // pixels that the picture keeps free at the left and below for the axes

const element = (name, attributes = {}, ...children) => {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

const number = (value, digits = 2) => value.toFixed(digits).replace("-", "−")
const bound = (value, limit) => Math.min(limit, Math.max(-limit, value))
// The sliders' steps: what is shown while dragging is what the server will know.
const rounded = (value) => Math.round(value * 10) / 10

// φ(z) from its values at even distances; beyond them it goes on as it ended.
const bend = ({ from, step, values }, z) => {
  const place = Math.min(values.length - 2, Math.max(0, Math.floor((z - from) / step)))
  const share = (z - from) / step - place
  return values[place] + (values[place + 1] - values[place]) * share
}

const rgba = (colour) => {
  if (colour.startsWith("#")) return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)).concat(255)
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number)
  return [red, green, blue, 255 * alpha]
}

const tone = (scale, share) => {
  const next = Math.max(1, scale.findIndex(([at]) => at >= share))
  const [[low, from], [high, to]] = [scale[next - 1], scale[next]]
  const mix = (share - low) / (high - low)
  return from.map((part, index) => part + (to[index] - part) * mix)
}

const sum = ({ w1, w2, b }, x1, x2) => w1 * x1 + w2 * x2 + b

const measure = (plane) => {
  const width = plane.root.clientWidth
  const side = Math.min(width - EDGE, 340)
  plane.side = side
  plane.px = (x) => EDGE + ((x + plane.data.extent) / (2 * plane.data.extent)) * side
  plane.py = (y) => ((plane.data.extent - y) / (2 * plane.data.extent)) * side
  return side > 40
}

// The arrow grows with the root of the weights' length, so that short and long ones can be taken hold of.
const reach = (plane, length) => 0.9 * plane.data.extent * Math.sqrt(length / Math.hypot(plane.data.limit, plane.data.limit))
const tip = (plane) => {
  const { w1, w2 } = plane.values
  const length = Math.hypot(w1, w2)
  return length ? [(w1 / length) * reach(plane, length), (w2 / length) * reach(plane, length)] : [0, 0]
}

const paint = (plane) => {
  const { canvas, data, values } = plane
  const { extent, curve } = data
  const corners = [-extent, extent].flatMap((x) => [-extent, extent].map((y) => Math.abs(bend(curve, sum(values, x, y)))))
  const largest = Math.max(1, ...corners)
  canvas.width = canvas.height = CELLS
  const image = new ImageData(CELLS, CELLS)
  for (let row = 0; row < CELLS; row += 1)
    for (let column = 0; column < CELLS; column += 1) {
      const at = (index) => (index / (CELLS - 1)) * 2 * extent - extent
      const value = bend(curve, sum(values, at(column), -at(row)))
      image.data.set(tone(plane.scale, (bound(value / largest, 1) + 1) / 2), 4 * (row * CELLS + column))
    }
  canvas.getContext("2d").putImageData(image, 0, 0)
  const [low, high] = plane.root.querySelectorAll(".key span")
  low.textContent = number(-largest, largest < 10 ? 1 : 0)
  high.textContent = number(largest, largest < 10 ? 1 : 0)
}

// Both ends of the border z = 0 where it leaves the picture, or nothing where it does not cross it.
const border = ({ values: { w1, w2, b }, data: { extent } }) => {
  const ends = []
  for (const side of [-extent, extent]) {
    if (w2) ends.push([side, -(w1 * side + b) / w2])
    if (w1) ends.push([-(w2 * side + b) / w1, side])
  }
  const inside = ends.filter((end) => end.every((part) => Math.abs(part) <= extent + 1e-9))
  const far = inside.find((end) => Math.hypot(end[0] - inside[0][0], end[1] - inside[0][1]) > 1e-6)
  return far ? [inside[0], far] : undefined
}

const draw = (plane) => {
  if (!plane.data || !measure(plane)) return
  const { data, values, svg, side } = plane
  const { extent, text } = data
  paint(plane)
  Object.assign(plane.canvas.style, { left: `${EDGE}px`, width: `${side}px`, height: `${side}px` })
  svg.setAttribute("viewBox", `0 0 ${side + EDGE} ${side + EDGE}`)
  Object.assign(svg.style, { width: `${side + EDGE}px`, height: `${side + EDGE}px` })
  svg.setAttribute("aria-label", data.description)
  const axes = svg.querySelector(".axes")
  axes.replaceChildren(
    ...[-extent, 0, extent].flatMap((at, index) => {
      const x = element("text", { x: plane.px(at) + [6, 0, -6][index], y: side + 14 })
      const y = element("text", { x: EDGE - 12, y: plane.py(at) + [-6, 0, 8][index] })
      x.textContent = y.textContent = number(at, 0)
      return [x, y]
    }),
    ...[["x₁", plane.px(extent / 2), side + 14], ["x₂", EDGE - 12, plane.py(extent / 2)]].map(([name, x, y]) => {
      const label = element("text", { x, y, class: "name" })
      label.textContent = name
      return label
    }),
  )
  const place = (node, [from, to]) => {
    for (const line of node.querySelectorAll("line")) {
      line.setAttribute("x1", plane.px(from[0]))
      line.setAttribute("y1", plane.py(from[1]))
      line.setAttribute("x2", plane.px(to[0]))
      line.setAttribute("y2", plane.py(to[1]))
    }
  }
  const { weights, bias, input } = plane.handles
  const ends = border(plane)
  // A border outside the picture leaves its handle at the edge towards it, so that it can be fetched back.
  const length = Math.hypot(values.w1, values.w2) || 1
  const towards = [(-values.b * values.w1) / length ** 2, (-values.b * values.w2) / length ** 2]
  const away = Math.max(1, Math.max(Math.abs(towards[0]), Math.abs(towards[1])) / (0.94 * extent))
  const foot = values.w1 || values.w2 ? towards.map((part) => part / away) : [0, -0.94 * extent]
  // The grip lies halfway to the border's further end, off the arrow.
  const from = (end) => Math.hypot(end[0] - foot[0], end[1] - foot[1])
  const further = ends && (from(ends[0]) > from(ends[1]) ? ends[0] : ends[1])
  const grip = further ? foot.map((part, index) => (part + further[index]) / 2) : foot
  bias.classList.toggle("outside", !ends)
  place(bias, ends ?? [foot, foot])
  bias.querySelector("circle").setAttribute("cx", plane.px(grip[0]))
  bias.querySelector("circle").setAttribute("cy", plane.py(grip[1]))
  const end = tip(plane)
  place(weights, [[0, 0], end])
  weights.querySelector("circle").setAttribute("cx", plane.px(end[0]))
  weights.querySelector("circle").setAttribute("cy", plane.py(end[1]))
  input.querySelector("circle").setAttribute("cx", plane.px(values.x1))
  input.querySelector("circle").setAttribute("cy", plane.py(values.x2))
  // Names stand away from the middle, so that they hide neither arrow nor border.
  const beside = (handle, [x, y], [dx, dy]) => {
    const label = handle.querySelector("text")
    label.setAttribute("x", bound(plane.px(x) + dx, EDGE + side - 10))
    label.setAttribute("y", Math.max(10, plane.py(y) + dy))
  }
  beside(weights, end, [values.w1 < 0 ? -15 : 15, values.w2 < 0 ? 12 : -12])
  beside(bias, grip, [values.w1 < 0 ? 22 : -22, values.w2 < 0 ? -12 : 12])
  beside(input, [values.x1, values.x2], [0, -17])
  const now = { weights: values.w1, bias: values.b, input: values.x1 }
  const words = {
    weights: `w₁ ${number(values.w1, 1)}, w₂ ${number(values.w2, 1)}`,
    bias: `b ${number(values.b, 1)}`,
    input: `x₁ ${number(values.x1, 1)}, x₂ ${number(values.x2, 1)}`,
  }
  for (const [name, handle] of Object.entries(plane.handles)) {
    handle.setAttribute("aria-label", text[name])
    handle.setAttribute("aria-valuetext", words[name])
    handle.setAttribute("aria-valuemin", name === "input" ? -extent : -data.limit)
    handle.setAttribute("aria-valuemax", name === "input" ? extent : data.limit)
    handle.setAttribute("aria-valuenow", now[name])
    handle.querySelector("title").textContent = `${text[name]}: ${words[name]}`
  }
  const z = sum(values, values.x1, values.x2)
  plane.note.textContent = `${words.input}: z = ${number(z)}, a = ${number(bend(data.curve, z), 3)}`
}

const tell = (plane) => {
  clearTimeout(plane.waiting)
  plane.waiting = undefined
  plane.told = Date.now()
  plane.turn += 1
  plane.send("turned", { ...plane.values, turn: plane.turn })
}

const change = (plane, changes) => {
  const { limit, extent } = plane.data
  const limits = { w1: limit, w2: limit, b: limit, x1: extent, x2: extent }
  for (const [name, value] of Object.entries(changes)) plane.values[name] = rounded(bound(value, limits[name])) || 0
  draw(plane)
  const rest = OFTEN - (Date.now() - plane.told)
  if (rest <= 0) tell(plane)
  else plane.waiting ??= setTimeout(() => tell(plane), rest)
}

// The place of a pointer on the plane.
const under = (plane, event) => {
  const box = plane.svg.getBoundingClientRect()
  const scale = (2 * plane.data.extent) / plane.side
  return [(event.clientX - box.left - EDGE) * scale - plane.data.extent, plane.data.extent - (event.clientY - box.top) * scale]
}

const drags = {
  weights: (plane, [x, y]) => {
    const far = Math.hypot(x, y)
    const longest = Math.hypot(plane.data.limit, plane.data.limit)
    const length = longest * Math.min(1, far / (0.9 * plane.data.extent)) ** 2
    return far ? { w1: (x / far) * length, w2: (y / far) * length } : { w1: 0, w2: 0 }
  },
  bias: (plane, [x, y]) => ({ b: -(plane.values.w1 * x + plane.values.w2 * y) }),
  input: (_plane, [x, y]) => ({ x1: x, x2: y }),
}
const keys = {
  weights: ({ w1, w2 }, [right, up]) => ({ w1: w1 + right, w2: w2 + up }),
  bias: ({ b }, [right, up]) => ({ b: b + right + up }),
  input: ({ x1, x2 }, [right, up]) => ({ x1: x1 + right, x2: x2 + up }),
}
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

const create = (parent) => {
  const root = parent.querySelector(".neuron-plane")
  const plane = { root, values: {}, turn: 0, told: 0, handles: {} }
  plane.canvas = root.querySelector("canvas")
  plane.svg = root.querySelector("svg")
  plane.note = root.querySelector(".note")
  for (const name of ["bias", "weights", "input"]) {
    const lines = name === "input" ? [] : [element("line", { class: "grip" }), element("line", { class: "seen" })]
    const handle = element("g", { class: name, tabindex: 0, role: "slider" }, element("title"), ...lines, element("circle", { r: name === "bias" ? 6 : 8 }), element("text", { class: "name" }))
    handle.querySelector("text").textContent = { bias: "z = 0", weights: "w", input: "x" }[name]
    plane.handles[name] = handle
    plane.svg.append(handle)
    handle.addEventListener("pointerdown", (event) => {
      if (event.button) return
      event.preventDefault()
      handle.focus()
      handle.setPointerCapture(event.pointerId)
      plane.dragging = name
    })
    handle.addEventListener("pointermove", (event) => {
      if (plane.dragging === name) change(plane, drags[name](plane, under(plane, event)))
    })
    for (const end of ["pointerup", "pointercancel"])
      handle.addEventListener(end, () => {
        if (plane.dragging !== name) return
        plane.dragging = undefined
        if (plane.waiting) tell(plane)
      })
    handle.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key]
      if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      change(plane, keys[name](plane.values, arrow.map((part) => part * (event.shiftKey ? 1 : 0.1))))
    })
  }
  let width = 0
  plane.observer = new ResizeObserver(() => {
    if (root.clientWidth === width) return
    width = root.clientWidth
    requestAnimationFrame(() => draw(plane))
  })
  plane.observer.observe(root)
  return plane
}

export default ({ data: sent, parentElement, setTriggerValue }) => {
  if (!planes.has(parentElement)) planes.set(parentElement, create(parentElement))
  const plane = planes.get(parentElement)
  plane.send = setTriggerValue
  const data = JSON.parse(sent.json)
  plane.data = data
  plane.scale = data.scale.map(([at, colour]) => [at, rgba(colour)])
  for (const [name, colour] of Object.entries(data.colours)) plane.handles[name].style.setProperty("--tone", colour)
  plane.root.querySelector(".key i").style.background = `linear-gradient(90deg, ${data.scale.map(([at, colour]) => `${colour} ${100 * at}%`).join(", ")})`
  // An answer to an older message of ours would throw the handle back under the pointer.
  if (plane.dragging === undefined && !plane.waiting && data.turn >= plane.turn) {
    plane.values = { ...data.values }
    plane.turn = data.turn
  }
  draw(plane)
  return () => {
    if (parentElement.isConnected) return // Streamlit also cleans up after a call that a newer one overtook
    plane.observer.disconnect()
    clearTimeout(plane.waiting)
    planes.delete(parentElement)
  }
}
