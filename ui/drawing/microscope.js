// All feature maps of a network for one drawing: choose a layer, point at a pixel. The pixel pointed at is told to the
// server, which answers with its arithmetic; everything else happens here.

const GAP = 1
const TALLEST = 480
const remembered = new WeakMap()

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

// A list is shown as rows of squares: one map with a width of its own.
const layout = ({ shape }) => {
  if (shape.length === 3) return { count: shape[0], height: shape[1], width: shape[2], flat: false }
  const width = shape[0] <= 16 ? shape[0] : Math.ceil(Math.sqrt(2.5 * shape[0]))
  return { count: 1, height: Math.ceil(shape[0] / width), width, flat: true }
}

// As many maps in a row as make the pixels largest.
const arrange = ({ count, height, width }, room, tallest) => {
  let best = { scale: 0, columns: 1 }
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const scale = Math.min((room + GAP) / (columns * (width + GAP)), tallest / (rows * (height + GAP)))
    if (scale > best.scale) best = { scale, columns }
  }
  return { columns: best.columns, scale: Math.min(48, best.scale < 1 ? best.scale : Math.floor(best.scale)) }
}

const rgb = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16))

const colourOf = (value, step, { positive, negative }) => {
  if (step.grey) return [value, value, value, 255]
  const share = (value - 128) / 127
  return [...(share < 0 ? negative : positive), Math.round(255 * (0.06 + 0.94 * Math.min(1, Math.abs(share))))]
}

const paint = (canvas, step, form, columns, scale, colours) => {
  const { count, height, width, flat } = form
  const rows = Math.ceil(count / columns)
  const [across, down] = [columns * (width + GAP) - GAP, rows * (height + GAP) - GAP]
  const small = new OffscreenCanvas(across, down)
  const image = new ImageData(across, down)
  for (let index = 0; index < step.values.length; index++) {
    const map = flat ? 0 : Math.floor(index / (height * width))
    const rest = flat ? index : index % (height * width)
    const x = (map % columns) * (width + GAP) + (rest % width)
    const y = Math.floor(map / columns) * (height + GAP) + Math.floor(rest / width)
    image.data.set(colourOf(step.values[index], step, colours), 4 * (y * across + x))
  }
  small.getContext("2d").putImageData(image, 0, 0)
  canvas.width = Math.max(1, Math.round(across * scale))
  canvas.height = Math.max(1, Math.round(down * scale))
  const brush = canvas.getContext("2d")
  brush.imageSmoothingEnabled = scale < 1
  brush.drawImage(small, 0, 0, canvas.width, canvas.height)
}

const fill = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name])
const written = (value) => (value === 0 ? "0" : value.toPrecision(3)).replace("-", "−")

const mount = (root) => {
  const state = { steps: [], step: 0, place: [], told: null, data: null, form: null, columns: 1, scale: 1 }
  const strip = root.querySelector(".strip")
  const sheet = root.querySelector(".sheet")
  const place = root.querySelector(".place")
  const readout = root.querySelector(".readout")
  const current = () => state.steps[state.step]

  const fits = (step, at) =>
    step && at.length === step.shape.length && at.every((part, axis) => part >= 0 && part < step.shape[axis])

  // Where a place lies on the sheet, in pixels of the maps; and back.
  const position = ([first, row, column]) => {
    const { height, width, flat } = state.form
    if (flat) return [first % width, Math.floor(first / width)]
    return [(first % state.columns) * (width + GAP) + column, Math.floor(first / state.columns) * (height + GAP) + row]
  }
  const placeAt = (event) => {
    const area = sheet.getBoundingClientRect()
    const x = ((event.clientX - area.left) / area.width) * (sheet.width / state.scale)
    const y = ((event.clientY - area.top) / area.height) * (sheet.height / state.scale)
    const { height, width, flat } = state.form
    const [column, row] = [Math.floor(x % (width + GAP)), Math.floor(y % (height + GAP))]
    if (column >= width || row >= height) return null
    const at = flat
      ? [Math.floor(y) * width + Math.floor(x)]
      : [Math.floor(y / (height + GAP)) * state.columns + Math.floor(x / (width + GAP)), row, column]
    return fits(current(), at) ? at : null
  }
  const valueAt = (at) => {
    const { shape, values, most, grey } = current()
    const index = at.length === 1 ? at[0] : (at[0] * shape[1] + at[1]) * shape[2] + at[2]
    return grey ? values[index] : ((values[index] - 128) / 127) * most
  }
  const describe = (at) => {
    const { labels } = state.data
    const text = at.length === 1 ? labels.readList : labels.readMap
    const about = current().grey ? String(Math.round(valueAt(at))) : `≈ ${written(valueAt(at))}`
    readout.textContent = fill(text, { channel: at[0], row: at[1], column: at[2], value: about })
  }

  const draw = () => {
    const step = current()
    state.form = layout(step)
    const room = Math.max(200, root.clientWidth - 8)
    Object.assign(state, arrange(state.form, room, TALLEST))
    paint(sheet, step, state.form, state.columns, state.scale, state.colours)
    if (fits(step, state.place)) {
      const [x, y] = position(state.place)
      const brush = sheet.getContext("2d")
      const size = Math.max(5, state.scale)
      const [left, top] = [(x + 0.5) * state.scale - size / 2, (y + 0.5) * state.scale - size / 2]
      brush.lineWidth = 2
      brush.strokeStyle = state.data.colours.highlight
      brush.strokeRect(left, top, size, size)
    }
    root.querySelector(".title").textContent = step.title
    root.querySelector(".low").textContent = step.grey ? "0" : `−${written(step.most)}`
    root.querySelector(".high").textContent = step.grey ? "255" : written(step.most)
    const { positive, negative } = state.data.colours
    root.querySelector(".scale").style.background = step.grey
      ? "linear-gradient(to right, #000, #fff)"
      : `linear-gradient(to right, ${negative}, color-mix(in srgb, ${negative} 6%, transparent) 50%, ${positive})`
    sheet.setAttribute("aria-label", fill(state.data.labels.sheet, { layer: step.title }))
    ;[...strip.children].forEach((button, index) => button.setAttribute("aria-selected", String(index === state.step)))
  }

  const inputs = () => {
    const { labels } = state.data
    const names = current().shape.length === 3 ? [labels.channel, labels.row, labels.column] : [labels.number]
    if (place.dataset.for !== names.join("|")) {
      place.dataset.for = names.join("|")
      place.replaceChildren(
        ...names.map((name, axis) => {
          const label = document.createElement("label")
          const input = Object.assign(document.createElement("input"), { type: "number", min: 0, step: 1 })
          input.addEventListener("change", () => {
            const at = [...state.place]
            at[axis] = Math.min(current().shape[axis] - 1, Math.max(0, Math.round(Number(input.value) || 0)))
            choose(state.step, at)
          })
          label.append(name, input)
          return label
        }),
      )
    }
    ;[...place.querySelectorAll("input")].forEach((input, axis) => {
      input.max = current().shape[axis] - 1
      input.value = state.place[axis]
    })
  }

  // Keys come in quick succession; the server is asked once they rest.
  let waiting
  const choose = (step, at, told = true) => {
    state.step = step
    state.place = at
    draw()
    inputs()
    describe(at)
    clearTimeout(waiting)
    if (!told) return
    state.told = [step, at]
    waiting = setTimeout(() => state.setStateValue("pick", `${step}:${at.join(",")}`), 60)
  }

  const brightest = (step) => {
    let best = 0
    step.values.forEach((value, index) => {
      if (Math.abs(value - 128) > Math.abs(step.values[best] - 128)) best = index
    })
    const { shape } = step
    if (shape.length === 1) return [best]
    return [Math.floor(best / (shape[1] * shape[2])), Math.floor(best / shape[2]) % shape[1], best % shape[2]]
  }

  sheet.addEventListener("pointermove", (event) => {
    const at = placeAt(event)
    if (at) describe(at)
  })
  sheet.addEventListener("pointerleave", () => describe(state.place))
  sheet.addEventListener("click", (event) => {
    const at = placeAt(event)
    if (at) choose(state.step, at)
  })
  sheet.addEventListener("keydown", (event) => {
    const { width, flat } = state.form
    const moves = flat
      ? { ArrowLeft: [-1], ArrowRight: [1], ArrowUp: [-width], ArrowDown: [width] }
      : { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }
    const move = moves[event.key]
    if (!move) return
    event.preventDefault()
    const at = state.place.map((part, axis) => part + move[axis])
    if (fits(current(), at)) choose(state.step, at)
  })
  new ResizeObserver(() => state.data && draw()).observe(root)

  return ({ data, setStateValue }) => {
    state.setStateValue = setStateValue
    if (state.data?.json === data.json) return
    const sent = JSON.parse(data.json)
    state.data = { ...sent, json: data.json }
    state.colours = { positive: rgb(sent.colours.positive), negative: rgb(sent.colours.negative) }
    root.style.setProperty("--highlight", sent.colours.highlight)
    state.steps = sent.steps.map((step) => ({ ...step, values: bytes(step.pixels) }))
    strip.setAttribute("aria-label", sent.labels.layers)
    strip.replaceChildren(
      ...state.steps.map((step, index) => {
        const button = Object.assign(document.createElement("button"), { type: "button", title: step.title })
        button.setAttribute("role", "option")
        const canvas = document.createElement("canvas")
        const form = layout(step)
        const { columns, scale } = arrange(form, 88, 58)
        paint(canvas, step, form, columns, scale, state.colours)
        const words = Object.assign(document.createElement("span"), { className: "words", textContent: step.title })
        const shape = Object.assign(document.createElement("span"), { className: "shape", textContent: step.shape.join("×") })
        button.append(canvas, words, shape)
        button.addEventListener("click", () => choose(index, fits(step, state.place) ? state.place : brightest(step)))
        return button
      }),
    )
    // The server works out what it was told last, where there is such a place; else its own choice, as sent.
    if (state.told && fits(state.steps[state.told[0]], state.told[1])) choose(...state.told, false)
    else choose(sent.pick[0], sent.pick.slice(1), false)
  }
}

export default (component) => {
  const root = component.parentElement.querySelector(".microscope")
  if (!remembered.has(root)) remembered.set(root, mount(root))
  remembered.get(root)(component)
}
