// Parallel coordinates. Axes stand side by side where there is room, and lie below each other on a phone. Dragging along
// one picks out the runs there; a click on it lets them all in again. The picture is plain SVG with its colours in it, so
// that what is saved looks the same.

const charts = new WeakMap()
const SVG = "http://www.w3.org/2000/svg"
const [UPRIGHT_HEIGHT, ROW_HEIGHT, LEAST_SPACING, REACH] = [360, 74, 96, 14]
const [WORST, BEST, BEST_IN_THE_DARK] = [[245, 158, 11], [79, 70, 229], [139, 140, 255]]
const LETTER = 6.3 // pixels that a letter of a tick takes, more or less

const make = (tag, attributes = {}, text) => {
  const node = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  return node
}
const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])
const clamped = (value) => Math.min(1, Math.max(0, value))
const wide = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1.8 : 1), 0)
const shortened = (text, room) => {
  if (wide(text) <= room) return text
  let kept = text
  while (kept && wide(kept) > room - 1) kept = kept.slice(0, -1)
  return `${kept.trimEnd()}…`
}

const themeOf = (root) => {
  const style = getComputedStyle(root)
  const read = (name, fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback
  const [paper, text] = [read("background-color", "#ffffff"), read("text-color", "#1c1f33")]
  const [red, green, blue] = (paper.match(/^#(..)(..)(..)/) ?? []).slice(1).map((part) => parseInt(part, 16))
  return { paper, text, accent: read("primary-color", "#4f46e5"), dark: red + green + blue < 384 }
}
const colour = (rank, dark) => {
  if (rank === null) return "#7c8298"
  const best = dark ? BEST_IN_THE_DARK : BEST
  return `rgb(${WORST.map((low, part) => Math.round(low + (best[part] - low) * rank)).join(", ")})`
}

// What a picked range stands for, and where that is on the axis as it is now.
const meant = (axis, place) => axis.low + place * (axis.high - axis.low)
const placed = (axis, value) => clamped((value - axis.low) / (axis.high - axis.low))
const picks = (chart) =>
  chart.data.axes.flatMap((axis, index) => {
    const range = chart.ranges.get(axis.name)
    return range ? [{ index, range: range.map((value) => placed(axis, value)).sort((a, b) => a - b) }] : []
  })
const isPicked = (line, ranges) =>
  ranges.every(({ index, range: [low, high] }) => {
    const place = line.places[index]
    return place !== null && place >= low - 1e-9 && place <= high + 1e-9
  })

const geometry = (chart) => {
  const count = chart.data.axes.length
  const width = chart.root.clientWidth
  const last = chart.data.axes[count - 1].ticks.reduce((most, [, text]) => Math.max(most, wide(text)), 0)
  const [left, right] = [28, Math.min(110, 16 + last * LETTER)]
  const spacing = (width - left - right) / Math.max(1, count - 1)
  const upright = spacing >= LEAST_SPACING
  const height = upright ? UPRIGHT_HEIGHT : 74 + ROW_HEIGHT * (count - 1)
  const [top, bottom] = [54, height - 20]
  return upright
    ? {
        width, height, upright, spacing,
        point: (index, place) => [left + index * spacing, bottom - place * (bottom - top)],
        nearest: (x) => Math.round((x - left) / spacing),
        away: (index, x) => Math.abs(x - left - index * spacing),
        place: (_x, y) => clamped((bottom - y) / (bottom - top)),
      }
    : {
        width, height, upright, spacing: width - 44,
        point: (index, place) => [22 + place * (width - 44), 34 + index * ROW_HEIGHT],
        nearest: (_x, y) => Math.round((y - 34) / ROW_HEIGHT),
        away: (index, _x, y) => Math.abs(y - 34 - index * ROW_HEIGHT),
        place: (x) => clamped((x - 22) / (width - 44)),
      }
}

const path = (shape, line) => {
  let open = false
  const steps = line.places.map((place, index) => {
    if (place === null) return (open = false), ""
    const step = `${open ? "L" : "M"}${shape.point(index, place).map((value) => value.toFixed(1)).join(" ")}`
    open = true
    return step
  })
  return steps.join("")
}

const drawAxis = (chart, axis, index, theme) => {
  const { shape } = chart
  const group = make("g")
  const [[x0, y0], [x1, y1]] = [shape.point(index, 0), shape.point(index, 1)]
  const halo = { stroke: theme.paper, "stroke-width": 4, "paint-order": "stroke", "stroke-linejoin": "round", fill: theme.text }
  group.append(make("line", { x1: x0, y1: y0, x2: x1, y2: y1, stroke: "#7c8298", "stroke-width": 1 }))
  const range = chart.ranges.get(axis.name)
  if (range) {
    const [low, high] = range.map((value) => placed(axis, value)).sort((a, b) => a - b)
    const [[ax, ay], [bx, by]] = [shape.point(index, low), shape.point(index, high)]
    const box = shape.upright
      ? { x: ax - 7, y: by, width: 14, height: Math.max(2, ay - by) }
      : { x: ax, y: ay - 7, width: Math.max(2, bx - ax), height: 14 }
    group.append(make("rect", { ...box, rx: 3, fill: theme.accent, "fill-opacity": 0.28, stroke: theme.accent }))
  }
  if (shape.upright) {
    const words = wide(axis.title) * 7 <= shape.spacing ? [axis.title] : broken(axis.title)
    words.forEach((word, line) =>
      group.append(
        make("text", { x: x0, y: 34 - 16 * (words.length - 1 - line), "text-anchor": index ? "middle" : "start", "font-size": 12.5, "font-weight": 600, ...halo, ...(index ? {} : { x: 4 }) }, word),
      ),
    )
  } else group.append(make("text", { x: 8, y: y0 - 12, "font-size": 12.5, "font-weight": 600, ...halo }, axis.title))
  let taken = -Infinity
  const ticks = shape.upright ? axis.ticks : [...axis.ticks].sort((a, b) => a[0] - b[0])
  for (const [place, text] of ticks) {
    const [x, y] = shape.point(index, place)
    const room = shape.upright ? (index === chart.data.axes.length - 1 ? 17 : (shape.spacing - 14) / LETTER) : shape.spacing / LETTER / Math.min(3, ticks.length)
    const told = shortened(text, room)
    const size = wide(told) * LETTER
    const from = place < 0.2 ? x - 4 : place > 0.8 ? x + 4 - size : x - size / 2
    if (!shape.upright && from < taken + 8) continue
    taken = from + size
    const at = shape.upright ? { x: x + 8, y: y + 4 } : { x: from, y: y + 20 }
    const label = make("text", { ...at, "font-size": 11.5, ...halo }, told)
    if (told !== text) label.append(make("title", {}, text))
    group.append(label)
  }
  const grip = shape.upright
    ? { x: x0 - REACH, y: y1 - 8, width: 2 * REACH, height: y0 - y1 + 16 }
    : { x: x0 - 8, y: y0 - REACH, width: x1 - x0 + 16, height: 2 * REACH }
  group.append(make("rect", { ...grip, class: "axis", fill: "transparent", "data-axis": index }))
  return group
}

// Over two lines, at the space nearest to the middle.
const broken = (title) => {
  const spaces = [...title.matchAll(/ /g)].map((found) => found.index)
  if (!spaces.length) return [title]
  const place = spaces.reduce((best, one) => (Math.abs(one - title.length / 2) < Math.abs(best - title.length / 2) ? one : best))
  return [title.slice(0, place), title.slice(place + 1)]
}

const draw = (chart) => {
  if (!chart.data || !chart.root.clientWidth) return
  const { svg, data } = chart
  const theme = themeOf(chart.root)
  const shape = (chart.shape = geometry(chart))
  const ranges = picks(chart)
  svg.setAttribute("viewBox", `0 0 ${shape.width} ${shape.height}`)
  svg.style.height = `${shape.height}px`
  svg.setAttribute("aria-label", data.description)
  svg.setAttribute("font-family", getComputedStyle(chart.root).fontFamily)
  chart.picked = data.lines.filter((line) => isPicked(line, ranges))
  const among = new Set(chart.picked)
  // The best on top, and those that were not picked out below all.
  const order = [...data.lines].sort((a, b) => among.has(a) - among.has(b) || (a.rank ?? -1) - (b.rank ?? -1))
  const drawn = order.map((line) => {
    const strong = among.has(line)
    const nearest = line === chart.near
    const width = nearest ? 4 : line.rank === 1 && strong ? 3.5 : 1.6
    return make("path", {
      d: path(shape, line), fill: "none", stroke: colour(line.rank, theme.dark), "stroke-width": width,
      "stroke-opacity": strong ? (chart.near && !nearest ? 0.35 : 0.9) : 0.1, "stroke-linejoin": "round", "data-run": line.id, class: strong ? "line" : "line faded",
    })
  })
  svg.replaceChildren(...drawn, ...data.axes.map((axis, index) => drawAxis(chart, axis, index, theme)))
  const { words } = data
  chart.status.textContent = ranges.length ? filled(words.count, { shown: chart.picked.length, all: data.lines.length }) : words.hint
  for (const [button, word] of [[chart.clear, words.clear], [chart.tick, words.tick], [chart.save, words.save]]) button.textContent = word
  chart.clear.hidden = !ranges.length
  chart.tick.hidden = !ranges.length || !chart.picked.length
}

const where = (chart, event) => {
  const box = chart.svg.getBoundingClientRect()
  return [event.clientX - box.left, event.clientY - box.top]
}

const distance = (x, y, [ax, ay], [bx, by]) => {
  const [dx, dy] = [bx - ax, by - ay]
  const along = clamped(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1))
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}
const nearest = (chart, x, y) => {
  let [found, least] = [undefined, REACH]
  for (const line of chart.picked)
    for (let index = 1; index < line.places.length; index++) {
      const [from, to] = [line.places[index - 1], line.places[index]]
      if (from === null || to === null) continue
      const away = distance(x, y, chart.shape.point(index - 1, from), chart.shape.point(index, to))
      if (away < least) [found, least] = [line, away]
    }
  return found
}

const tell = (chart, line, x, y) => {
  const { told } = chart
  if (line !== chart.near) {
    chart.near = line
    draw(chart)
  }
  told.hidden = !line
  if (!line) return
  const name = document.createElement("b")
  name.textContent = line.name
  told.replaceChildren(name, ...chart.data.axes.flatMap((axis, index) => [document.createTextNode(`${axis.title}: ${line.told[index]}`), document.createElement("br")]))
  const { width } = chart.shape
  told.style.left = `${Math.max(0, Math.min(x + 14, width - told.offsetWidth - 4))}px`
  told.style.top = `${Math.max(0, y - told.offsetHeight - 14)}px`
}

const listen = (chart) => {
  const { svg } = chart
  svg.onpointerdown = (event) => {
    const index = event.target.dataset?.axis
    if (index === undefined || event.button) return
    svg.setPointerCapture(event.pointerId)
    const axis = chart.data.axes[Number(index)]
    const start = chart.shape.place(...where(chart, event))
    chart.drag = { axis, start, before: chart.ranges.get(axis.name) }
    tell(chart, undefined)
    event.preventDefault()
  }
  svg.onpointermove = (event) => {
    const [x, y] = where(chart, event)
    if (!chart.drag) return tell(chart, event.target.dataset?.axis === undefined ? nearest(chart, x, y) : undefined, x, y)
    const { axis, start } = chart.drag
    const place = chart.shape.place(x, y)
    if (Math.abs(place - start) < 0.02) return
    chart.ranges.set(axis.name, [meant(axis, start), meant(axis, place)])
    chart.drag.moved = true
    draw(chart)
  }
  svg.onpointerup = svg.onpointercancel = () => {
    if (chart.drag && !chart.drag.moved) {
      chart.ranges.delete(chart.drag.axis.name)
      draw(chart)
    }
    chart.drag = undefined
  }
  svg.onpointerleave = () => chart.drag || tell(chart, undefined)
  chart.clear.onclick = () => {
    chart.ranges.clear()
    draw(chart)
  }
  chart.tick.onclick = () => chart.setTriggerValue("tick", chart.picked.map((line) => line.id).join(","))
  chart.save.onclick = () => {
    const { shape } = chart
    const copy = svg.cloneNode(true)
    const sizes = { xmlns: SVG, width: shape.width, height: shape.height, "font-family": "sans-serif" }
    for (const [name, value] of Object.entries(sizes)) copy.setAttribute(name, value)
    copy.removeAttribute("style")
    copy.prepend(make("rect", { width: "100%", height: "100%", fill: themeOf(chart.root).paper }))
    const address = URL.createObjectURL(new Blob([copy.outerHTML], { type: "image/svg+xml" }))
    Object.assign(document.createElement("a"), { href: address, download: `${chart.data.file}.svg` }).click()
    setTimeout(() => URL.revokeObjectURL(address), 10_000)
  }
}

const create = (parent) => {
  const root = parent.querySelector(".parallel")
  const find = (name) => root.querySelector(name)
  const chart = { root, svg: find("svg"), told: find(".told"), status: find("[role=status]"), ranges: new Map(), picked: [] }
  Object.assign(chart, { clear: find(".clear"), tick: find(".tick"), save: find(".save") })
  listen(chart)
  new ResizeObserver(() => draw(chart)).observe(root)
  return chart
}

export default ({ data: sent, parentElement, setTriggerValue }) => {
  if (!charts.has(parentElement)) charts.set(parentElement, create(parentElement))
  const chart = charts.get(parentElement)
  chart.setTriggerValue = setTriggerValue
  if (chart.json !== sent.json) {
    chart.json = sent.json
    chart.data = JSON.parse(sent.json)
    chart.near = undefined
    chart.told.hidden = true
    const names = new Set(chart.data.axes.map((axis) => axis.name))
    for (const name of chart.ranges.keys()) if (!names.has(name)) chart.ranges.delete(name)
  }
  draw(chart) // also when only the theme has changed
}
