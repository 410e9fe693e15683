// Plays the recorded training of a small network: its weights, every neuron's surface, its answer over the plane, its
// loss. The server has computed all of it; here is only drawing, at the browser's own frame rate.
// Everything is set as text, never as HTML, but for the icons, which are ours.

const players = new WeakMap()
const SECONDS = 8 // from the first frame to the last at speed 1
const TRAIL = 30 // points of one stroke
const APART = 0.12 // of the plane's half, between two of them
const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  reverse: "M16 5v14L5 12z",
  back: "M7 5h2v14H7zM19 5v14l-9-7z",
  forward: "M15 5h2v14h-2zM5 5v14l9-7z",
  again: "M12 5V1L7 6l5 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
}
const SHAPES = ["circle", "square", "triangle"]

const rgb = (colour) => {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = colour
  return [1, 3, 5].map((at) => parseInt(probe.fillStyle.slice(at, at + 2), 16))
}
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const inflate = async (text) => {
  const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])
const number = (value, digits = 3) => {
  if (value === null || value === undefined) return "–"
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 10000)) {
    const [mantissa, exponent] = value.toExponential(1).split("e")
    const raised = [...exponent.replace("+", "")].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign])).join("")
    return `${mantissa.replace("-", "−")}×10${raised}`
  }
  return value.toFixed(size >= 100 ? 1 : digits).replace("-", "−")
}
const icon = (button, name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", ICONS[name])
  svg.append(path)
  button.replaceChildren(svg)
}

// The frames come as differences from frame to frame, which compress well.
const unpack = async (recording) => {
  const [pictures, weights] = await Promise.all([inflate(recording.pictures), inflate(recording.weights)])
  const size = recording.frameBytes
  for (let at = size; at < pictures.length; at += 1) pictures[at] += pictures[at - size]
  return { pictures, weights: new Float32Array(weights.buffer), features: bytes(recording.features) }
}

const themed = (root) => {
  const style = getComputedStyle(root)
  const read = (name, fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback
  return {
    paper: rgb(read("background-color", "#ffffff")),
    text: read("text-color", "#1c1f33"),
    line: read("border-color", "#88888866"),
    font: read("font", "sans-serif"),
    primary: read("primary-color", "#4f46e5"),
  }
}

const mixed = (paper, colour, strength, target, at) => {
  for (let c = 0; c < 3; c += 1) target[at + c] = paper[c] + strength * (colour[c] - paper[c])
  target[at + 3] = 255
}

// A canvas as wide as its place, sharp on any screen; drawing happens in CSS pixels.
const sized = (canvas, width, height) => {
  const ratio = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== wide) canvas.width = wide
  if (canvas.height !== high) canvas.height = high
  const context = canvas.getContext("2d")
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}

const cells = (player, size) => {
  player.scratch ??= new Map()
  if (!player.scratch.has(size)) {
    const canvas = document.createElement("canvas")
    canvas.width = canvas.height = size
    player.scratch.set(size, canvas)
  }
  return player.scratch.get(size)
}

// A neuron's surface: above zero in the positive colour, below in the negative one.
const neuronPicture = (player, source, offset, size) => {
  const canvas = cells(player, size)
  const picture = new ImageData(size, size)
  for (let row = 0; row < size; row += 1)
    for (let column = 0; column < size; column += 1) {
      const value = (source[offset + row * size + column] - 128) / 127
      const colour = player.signs[value > 0 ? 1 : 0]
      mixed(player.theme.paper, colour, 0.8 * Math.min(Math.abs(value), 1), picture.data, ((size - 1 - row) * size + column) * 4)
    }
  canvas.getContext("2d").putImageData(picture, 0, 0)
  return canvas
}

// The network's answer: with two classes how sure it is of which, with three a mixture, in a regression the value.
const answerPicture = (player, frame) => {
  const { recording, unpacked, classes } = player
  const { grid, outputs } = recording
  const canvas = cells(player, grid)
  const picture = new ImageData(grid, grid)
  const start = frame * recording.frameBytes
  const { paper } = player.theme
  for (let row = 0; row < grid; row += 1)
    for (let column = 0; column < grid; column += 1) {
      const from = start + row * grid + column
      const at = ((grid - 1 - row) * grid + column) * 4
      if (outputs === 1) {
        const share = unpacked.pictures[from] / 255
        mixed(paper, classes[share > 0.5 ? 1 : 0], 0.62 * Math.abs(2 * share - 1), picture.data, at)
        continue
      }
      let [best, sum] = [0, 0]
      const colour = [0, 0, 0]
      for (let k = 0; k < outputs; k += 1) {
        const share = unpacked.pictures[from + k * grid * grid] / 255
        sum += share
        best = Math.max(best, share)
        for (let c = 0; c < 3; c += 1) colour[c] += share * classes[k][c]
      }
      for (let c = 0; c < 3; c += 1) colour[c] /= sum || 1
      mixed(paper, colour, 0.12 + 0.5 * Math.max(0, (best - 1 / outputs) / (1 - 1 / outputs)), picture.data, at)
    }
  canvas.getContext("2d").putImageData(picture, 0, 0)
  return canvas
}

const offsets = (recording) => {
  const { sizes, grid, small, outputs } = recording
  const layers = []
  let [weight, picture] = [0, outputs * grid * grid]
  for (let layer = 1; layer < sizes.length; layer += 1) {
    layers.push({ weight, bias: weight + sizes[layer] * sizes[layer - 1], picture, deep: sizes[layer - 1], wide: sizes[layer] })
    weight += sizes[layer] * (sizes[layer - 1] + 1)
    picture += sizes[layer] * small * small
  }
  return { layers, parameters: weight }
}

const place = (player) => {
  const { recording } = player
  const width = player.find("network").clientWidth
  const columns = recording.sizes.length
  const most = Math.max(...recording.sizes)
  const tile = Math.max(20, Math.min((width / columns) * 0.6, most > 5 ? 46 : 64, width < 420 && most > 5 ? 32 : 64))
  const pitch = tile + (most > 5 ? 7 : 14)
  const height = most * pitch + 6
  const spots = recording.sizes.map((count, layer) => {
    const x = columns === 1 ? width / 2 : tile / 2 + 2 + (layer * (width - tile - 4)) / (columns - 1)
    return Array.from({ length: count }, (_, index) => ({ x, y: height / 2 + (index - (count - 1) / 2) * pitch }))
  })
  return { width, height, tile, spots }
}

const drawNetwork = (player, frame) => {
  const { recording, unpacked, layout, structure, theme } = player
  const canvas = player.find("network").querySelector("canvas")
  canvas.style.height = `${layout.height}px`
  const context = sized(canvas, layout.width, layout.height)
  const base = frame * structure.parameters
  const { tile, spots } = layout
  structure.layers.forEach((layer, index) => {
    for (let to = 0; to < layer.wide; to += 1)
      for (let from = 0; from < layer.deep; from += 1) {
        const weight = unpacked.weights[base + layer.weight + to * layer.deep + from]
        const [start, end] = [spots[index][from], spots[index + 1][to]]
        const [x1, x2] = [start.x + tile / 2, end.x - tile / 2]
        const chosen = player.chosen && player.chosen.layer === index + 1 && player.chosen.index === to
        context.globalAlpha = player.chosen && player.chosen.layer === index + 1 && !chosen ? 0.15 : 0.85
        context.strokeStyle = player.data.colours.signs[weight > 0 ? 1 : 0]
        context.lineWidth = Math.min(0.3 + 2 * Math.abs(weight), 8)
        context.beginPath()
        context.moveTo(x1, start.y)
        context.bezierCurveTo((x1 + x2) / 2, start.y, (x1 + x2) / 2, end.y, x2, end.y)
        context.stroke()
      }
  })
  context.globalAlpha = 1
  context.imageSmoothingQuality = "high"
  const paint = (picture, { x, y }) => context.drawImage(picture, x - tile / 2, y - tile / 2, tile, tile)
  const { small } = recording
  spots[0].forEach((spot, index) => paint(neuronPicture(player, unpacked.features, index * small * small, small), spot))
  structure.layers.slice(0, -1).forEach((layer, index) =>
    spots[index + 1].forEach((spot, neuron) => {
      const offset = frame * recording.frameBytes + layer.picture + neuron * small * small
      paint(neuronPicture(player, unpacked.pictures, offset, small), spot)
    }),
  )
  const answer = answerPicture(player, frame)
  spots.at(-1).forEach((spot, index) => {
    if (recording.outputs === 1) return paint(answer, spot)
    context.fillStyle = player.data.colours.classes[index]
    context.fillRect(spot.x - tile / 2, spot.y - tile / 2, tile, tile)
  })
}

const mark = (context, shape, x, y, radius) => {
  context.beginPath()
  if (shape === "square") context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8)
  else if (shape === "triangle") {
    context.moveTo(x, y - radius * 1.25)
    context.lineTo(x + radius * 1.15, y + radius * 0.8)
    context.lineTo(x - radius * 1.15, y + radius * 0.8)
    context.closePath()
  } else context.arc(x, y, radius, 0, 2 * Math.PI)
}

const drawPlane = (player, frame) => {
  const { recording, unpacked, structure, theme, chosen } = player
  const canvas = player.find("plane").querySelector("canvas")
  const side = canvas.clientWidth
  const context = sized(canvas, side, side)
  context.imageSmoothingQuality = "high"
  let picture
  if (!chosen || chosen.layer === recording.sizes.length - 1) picture = answerPicture(player, frame)
  else {
    const size = recording.small * recording.small
    picture =
      chosen.layer === 0
        ? neuronPicture(player, unpacked.features, chosen.index * size, recording.small)
        : neuronPicture(
            player,
            unpacked.pictures,
            frame * recording.frameBytes + structure.layers[chosen.layer - 1].picture + chosen.index * size,
            recording.small,
          )
  }
  context.drawImage(picture, 0, 0, side, side)
  const radius = Math.max(3, side / 95)
  const paper = `rgb(${theme.paper.join(",")})`
  for (const [x, y, target, training] of recording.points) {
    const [px, py] = [((x / recording.extent + 1) / 2) * side, ((1 - y / recording.extent) / 2) * side]
    mark(context, recording.regression ? "circle" : SHAPES[target], px, py, radius)
    if (recording.regression) {
      const colour = player.classes[target > 0 ? 1 : 0]
      const strength = Math.min(Math.abs(target), 1)
      context.fillStyle = `rgb(${colour.map((c, i) => theme.paper[i] + strength * (c - theme.paper[i])).join(",")})`
      context.strokeStyle = training ? theme.text : player.data.colours.neutral
    } else {
      context.fillStyle = training ? player.data.colours.classes[target] : paper
      context.strokeStyle = training ? paper : player.data.colours.classes[target]
    }
    context.lineWidth = training ? 1.2 : 1.8
    context.fill()
    context.stroke()
  }
  drawNewPoints(player, context, side, radius)
}

// What is being drawn and not yet sent, and where the keyboard would set a point.
const drawNewPoints = (player, context, side, radius) => {
  const { extent } = player.recording
  const at = ([x, y]) => [((x / extent + 1) / 2) * side, ((1 - y / extent) / 2) * side]
  context.fillStyle = context.strokeStyle = player.theme.text
  for (const place of player.trail ?? []) {
    mark(context, "circle", ...at(place), radius)
    context.fill()
  }
  if (!player.cursor) return
  const [x, y] = at(player.cursor)
  context.lineWidth = 2
  context.beginPath()
  for (const [dx, dy] of [[12, 0], [0, 12]]) {
    context.moveTo(x - dx, y - dy)
    context.lineTo(x + dx, y + dy)
  }
  context.stroke()
}

const drawLoss = (player, frame) => {
  const { recording, theme, data } = player
  const canvas = player.find("loss").querySelector("canvas")
  const [width, height] = [canvas.clientWidth, canvas.clientHeight]
  const context = sized(canvas, width, height)
  const all = [...recording.trainLosses, ...recording.testLosses]
  if (!all.length) return
  // A training that leaps away shall not flatten all the rest: the axis ends at three times the first loss.
  const top = Math.max(Math.min(Math.max(...all), 3 * recording.trainLosses[0]), 1e-9) * 1.06
  const [left, right, bottom, above] = [40, 8, 20, 6]
  const last = Math.max(recording.trainLosses.length - 1, 1)
  const x = (epoch) => left + (epoch / last) * (width - left - right)
  const y = (loss) => above + (1 - Math.min(loss, top) / top) * (height - above - bottom)
  context.font = `11px ${theme.font}`
  context.fillStyle = theme.text
  context.strokeStyle = theme.line
  context.lineWidth = 1
  context.textAlign = "right"
  context.textBaseline = "middle"
  for (const share of [0, 0.5, 1]) {
    const value = (top / 1.06) * share
    context.globalAlpha = 0.75
    context.fillText(value === 0 ? "0" : number(value, value < 1 ? 2 : 1), left - 5, y(value))
    context.globalAlpha = 1
    context.beginPath()
    context.moveTo(left, y(value))
    context.lineTo(width - right, y(value))
    context.stroke()
  }
  context.textBaseline = "alphabetic"
  context.globalAlpha = 0.75
  context.textAlign = "left"
  context.fillText("0", left, height - 5)
  context.textAlign = "right"
  context.fillText(String(recording.trainLosses.length - 1), width - right, height - 5)
  context.textAlign = "center"
  context.fillText(data.text.epoch, (left + width - right) / 2, height - 5)
  const epoch = recording.frames[frame]
  for (const [losses, colour] of [
    [recording.testLosses, data.colours.test],
    [recording.trainLosses, data.colours.train],
  ]) {
    context.strokeStyle = colour
    context.lineWidth = 2
    for (const [from, to, alpha] of [
      [0, epoch, 1],
      [epoch, losses.length - 1, 0.3],
    ]) {
      context.globalAlpha = alpha
      if (alpha < 1 && player.data.veiled) continue
      context.beginPath()
      for (let at = from; at <= to && at < losses.length; at += 1) context.lineTo(x(at), y(losses[at]))
      context.stroke()
    }
    context.globalAlpha = 1
    if (losses.length) {
      context.fillStyle = colour
      context.beginPath()
      context.arc(x(epoch), y(losses[epoch]), 4, 0, 2 * Math.PI)
      context.fill()
    }
  }
  player.epochAt = (px) => Math.max(0, Math.min(last, ((px - left) / (width - left - right)) * last))
}

const sum = (player, layer, index, frame) => {
  const { recording, unpacked, structure, data } = player
  const part = structure.layers[layer - 1]
  const base = frame * structure.parameters
  const terms = Array.from({ length: part.deep }, (_, from) => {
    const weight = unpacked.weights[base + part.weight + index * part.deep + from]
    const name = layer === 1 ? data.featureNames[from] : `h${layer - 1}.${from + 1}`
    return `${weight < 0 ? "−" : from ? "+" : ""}${from || weight < 0 ? " " : ""}${number(Math.abs(weight))}·${name}`
  })
  const bias = unpacked.weights[base + part.bias + index]
  return `${terms.join(" ")} ${bias < 0 ? "−" : "+"} ${number(Math.abs(bias))}`
}

const noteText = (player, frame) => {
  const { recording, data, chosen } = player
  if (player.cursor) return `x₁ ${number(player.cursor[0], 2)}, x₂ ${number(player.cursor[1], 2)}`
  if (!chosen) return data.text.hint
  const { layer, index } = chosen
  if (layer === 0) return filled(data.text.featureNote, { name: data.featureNames[index] })
  const output = layer === recording.sizes.length - 1
  const name = output ? (recording.outputs > 1 ? `z${index + 1}` : "z") : `h${layer}.${index + 1}`
  const inside = sum(player, layer, index, frame)
  const value = output || !data.activation ? inside : `${data.activation}(${inside})`
  const heading = output ? data.text.outputNote : filled(data.text.neuronNote, { layer, neuron: index + 1 })
  const rest = output ? "" : ` ${filled(data.text.scaleNote, { scale: number(recording.scales[player.order(layer, index)], 2) })}`
  return `${heading}: ${name} = ${value}.${rest}`
}

const draw = (player) => {
  if (!player.unpacked || !player.root.clientWidth) return
  const { recording, data } = player
  const last = recording.frames.length - 1
  const frame = Math.max(0, Math.min(last, Math.floor(player.frame)))
  player.shown = frame
  drawNetwork(player, frame)
  drawPlane(player, frame)
  drawLoss(player, frame)
  const epoch = recording.frames[frame]
  const percent = (value) => (value === undefined ? "–" : `${(100 * value).toFixed(0)}%`)
  const facts = [[data.text.epoch, String(epoch)]]
  if (recording.trainLosses.length) facts.push([data.text.trainLoss, number(recording.trainLosses[epoch])])
  if (recording.testLosses.length) facts.push([data.text.testLoss, number(recording.testLosses[epoch])])
  if (recording.testAccuracies.length) facts.push([data.text.testAccuracy, percent(recording.testAccuracies[epoch])])
  const spoken = facts.map(([name, value]) => `${name} ${value}`).join(", ")
  player.find("now").replaceChildren(
    ...facts.map(([name, value]) => {
      const part = document.createElement("span")
      const bold = document.createElement("b")
      bold.textContent = value
      part.append(`${name} `, bold)
      return part
    }),
  )
  player.slider.value = String(player.frame)
  player.slider.setAttribute("aria-valuetext", spoken)
  const note = noteText(player, frame)
  if (player.find("note").textContent !== note) player.find("note").textContent = note
  player.find("plane").querySelector("h6").textContent = player.chosen && player.chosen.layer < recording.sizes.length - 1 ? data.text.neuronPlane : data.text.plane
  icon(player.buttons.play, player.direction > 0 ? "pause" : "play")
  icon(player.buttons.reverse, player.direction < 0 ? "pause" : "reverse")
  player.buttons.play.setAttribute("aria-label", player.direction > 0 ? data.text.pause : data.text.play)
  player.buttons.reverse.setAttribute("aria-label", player.direction < 0 ? data.text.pause : data.text.reverse)
}

const tick = (player, now) => {
  player.request = undefined
  if (!player.direction || !player.unpacked) return
  const last = player.recording.frames.length - 1
  if (player.before !== undefined)
    player.frame += player.direction * player.speed * ((now - player.before) / 1000) * (last / SECONDS)
  player.before = now
  if (player.direction > 0 ? player.frame >= last : player.frame <= 0) {
    player.frame = Math.max(0, Math.min(last, player.frame))
    player.direction = 0
  }
  draw(player)
  if (player.direction) schedule(player)
}
const schedule = (player) => {
  player.request ??= requestAnimationFrame((now) => tick(player, now))
}
const go = (player, direction) => {
  const last = player.recording ? player.recording.frames.length - 1 : 0
  player.direction = player.direction === direction ? 0 : direction
  if (player.direction > 0 && player.frame >= last) player.frame = 0
  if (player.direction < 0 && player.frame <= 0) player.frame = last
  player.before = undefined
  draw(player)
  schedule(player)
}
const stand = (player, frame) => {
  player.direction = 0
  player.frame = Math.max(0, Math.min(player.recording.frames.length - 1, frame))
  draw(player)
}

const arrange = (player) => {
  const { recording, data } = player
  player.layout = place(player)
  const { tile, spots, width } = player.layout
  const network = player.find("network")
  const focused = network.querySelector(".tile:focus")?.dataset.id
  network.querySelectorAll(".tile").forEach((node) => node.remove())
  spots.forEach((column, layer) =>
    column.forEach((spot, index) => {
      const button = document.createElement("button")
      button.type = "button"
      button.className = "tile"
      button.dataset.id = `${layer}.${index}`
      Object.assign(button.style, { left: `${spot.x - tile / 2}px`, top: `${spot.y - tile / 2}px`, width: `${tile}px`, height: `${tile}px` })
      const output = layer === recording.sizes.length - 1
      button.setAttribute(
        "aria-label",
        layer === 0 ? data.featureNames[index] : output ? data.text.outputNote : filled(data.text.neuronNote, { layer, neuron: index + 1 }),
      )
      if (layer === 0) button.title = data.featureNames[index]
      const choose = () => {
        player.chosen = { layer, index }
        draw(player)
      }
      const leave = () => {
        player.chosen = player.pinned
        draw(player)
      }
      button.onpointerenter = button.onfocus = choose
      button.onpointerleave = button.onblur = leave
      button.onclick = () => {
        const same = player.pinned?.layer === layer && player.pinned?.index === index
        player.pinned = same ? undefined : { layer, index }
        network.querySelectorAll(".tile").forEach((node) => node.classList.toggle("chosen", !same && node === button))
        choose()
      }
      button.classList.toggle("chosen", player.pinned?.layer === layer && player.pinned?.index === index)
      network.append(button)
      if (focused === button.dataset.id) button.focus()
    }),
  )
  const heading = (layer) => (layer === 0 ? data.text.features : layer === spots.length - 1 ? data.text.output : width < 420 ? String(layer) : filled(data.text.layer, { layer }))
  player.find("titles").replaceChildren(
    ...spots.map((column, layer) => {
      const title = document.createElement("span")
      title.textContent = heading(layer)
      // The outer titles stay within the picture.
      if (layer === 0) Object.assign(title.style, { left: "0", transform: "none" })
      else if (layer === spots.length - 1) Object.assign(title.style, { right: "0", transform: "none" })
      else title.style.left = `${column[0].x}px`
      return title
    }),
  )
}

const legend = (player) => {
  const { data, recording } = player
  const item = (colour, text, className = "") => {
    const part = document.createElement("span")
    const spot = document.createElement("i")
    spot.className = className
    spot.style.background = colour
    part.append(spot, text)
    return part
  }
  player.find("plane").querySelector(".key").replaceChildren(...data.classNames.map((name, index) => item(data.colours.classes[index], name, recording.regression ? "" : SHAPES[index])), document.createTextNode(data.text.pointsKey))
  player.find("loss").querySelector(".key").replaceChildren(
    item(data.colours.train, data.text.trainLoss, "line"),
    ...(recording.testLosses.length ? [item(data.colours.test, data.text.testLoss, "line")] : []),
  )
}

// A click is a point, a drag a trail of them; with the keyboard the arrows move a cross, and Enter sets the point.
const drawing = (player, plane) => {
  const adding = () => player.recording && player.data.adding !== null
  const under = (event) => {
    const box = plane.getBoundingClientRect()
    const { extent } = player.recording
    const at = (share) => Math.max(-extent, Math.min(extent, Math.round((2 * share - 1) * extent * 100) / 100))
    return [at((event.clientX - box.left) / box.width), -at((event.clientY - box.top) / box.height)]
  }
  const send = (places) => player.send("points", { points: places.map(([x, y]) => ({ x, y, mark: player.data.adding })) })
  plane.onpointerdown = (event) => {
    if (!adding() || event.button) return
    plane.setPointerCapture(event.pointerId)
    player.cursor = undefined
    player.trail = [under(event)]
    draw(player)
  }
  plane.onpointermove = (event) => {
    if (!player.trail || player.trail.length >= TRAIL) return
    const [place, last] = [under(event), player.trail.at(-1)]
    if (Math.hypot(place[0] - last[0], place[1] - last[1]) < APART * player.recording.extent) return
    player.trail.push(place)
    draw(player)
  }
  plane.onpointerup = () => {
    if (player.trail) send(player.trail)
    player.trail = undefined
  }
  plane.onpointercancel = () => {
    player.trail = undefined
    draw(player)
  }
  plane.onfocus = () => {
    if (!adding() || !plane.matches(":focus-visible")) return
    player.cursor = [0, 0]
    draw(player)
  }
  plane.onblur = () => {
    player.cursor = undefined
    if (player.recording) draw(player)
  }
  plane.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (!adding() || !(step || event.key === "Enter") || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation() // the player's own keys go from frame to frame
    player.cursor ??= [0, 0]
    const { extent } = player.recording
    if (step)
      player.cursor = player.cursor.map((at, axis) => Math.max(-extent, Math.min(extent, Math.round((at + step[axis] * (event.shiftKey ? 0.3 : 0.06)) * 100) / 100)))
    else send([player.cursor])
    draw(player)
  }
}

const create = (parent) => {
  const root = parent.querySelector(".player")
  const player = { root, frame: 0, direction: 0, speed: 1, buttons: {}, gone: new AbortController() }
  player.find = (name) => root.querySelector(`.${name}`)
  player.slider = root.querySelector("input")
  for (const button of root.querySelectorAll("button.control")) player.buttons[button.dataset.name] = button
  player.order = (layer, index) => player.recording.sizes.slice(1, layer).reduce((a, b) => a + b, 0) + index
  const { play, reverse, back, forward, again, speed } = player.buttons
  for (const [name, button] of [["back", back], ["forward", forward], ["again", again]]) icon(button, name)
  play.onclick = () => go(player, 1)
  reverse.onclick = () => go(player, -1)
  back.onclick = () => stand(player, player.shown - 1)
  forward.onclick = () => stand(player, player.shown + 1)
  again.onclick = () => stand(player, 0)
  speed.onclick = () => {
    player.speed = { 0.25: 0.5, 0.5: 1, 1: 2, 2: 0.25 }[player.speed]
    speed.textContent = `${player.speed}×`
  }
  player.slider.oninput = () => stand(player, Number(player.slider.value))
  root.addEventListener("keydown", (event) => {
    if (!player.recording || event.ctrlKey || event.metaKey || event.altKey) return
    const onSlider = event.target === player.slider
    const onButton = event.target.tagName === "BUTTON"
    const last = player.recording.frames.length - 1
    const keys = {
      ArrowLeft: () => stand(player, player.shown - 1),
      ArrowRight: () => stand(player, player.shown + 1),
      Home: () => stand(player, 0),
      End: () => stand(player, last),
      " ": () => go(player, 1),
      r: () => go(player, -1),
    }
    if (!keys[event.key] || (onSlider && event.key !== " " && event.key !== "r") || (onButton && event.key === " ")) return
    event.preventDefault()
    keys[event.key]()
  })
  const loss = player.find("loss").querySelector("canvas")
  const seek = (event) => {
    if (!player.epochAt || (event.type === "pointermove" && !event.buttons)) return
    const epoch = player.epochAt(event.clientX - loss.getBoundingClientRect().left)
    const { frames } = player.recording
    let nearest = 0
    frames.forEach((value, index) => (nearest = Math.abs(value - epoch) < Math.abs(frames[nearest] - epoch) ? index : nearest))
    stand(player, nearest)
  }
  loss.onpointerdown = loss.onpointermove = seek
  const plane = player.find("plane").querySelector("canvas")
  drawing(player, plane)
  let width = 0
  player.observer = new ResizeObserver(() => {
    if (root.clientWidth === width) return
    width = root.clientWidth
    requestAnimationFrame(() => {
      if (!player.unpacked) return
      arrange(player)
      draw(player)
    })
  })
  player.observer.observe(root)
  return player
}

const show = async (player, data) => {
  player.data = data
  player.theme = themed(player.root)
  player.signs = data.colours.signs.map(rgb)
  player.classes = data.colours.classes.map(rgb)
  player.find("plane").classList.toggle("adding", data.adding !== null)
  player.find("plane").querySelector("canvas").tabIndex = data.adding === null ? -1 : 0
  player.root.setAttribute("aria-label", data.description)
  player.find("plane").querySelector("canvas").setAttribute("aria-label", data.description)
  player.find("loss").querySelector("canvas").setAttribute("aria-label", data.lossDescription)
  player.find("network").querySelector("canvas").setAttribute("aria-label", data.networkDescription)
  player.find("loss").querySelector("h6").textContent = data.text.loss
  player.slider.setAttribute("aria-label", data.text.scrub)
  for (const name of ["back", "forward", "again", "speed"]) player.buttons[name].setAttribute("aria-label", data.text[name])
  for (const button of Object.values(player.buttons)) button.title = data.text[button.dataset.name]
  if (player.version !== data.version) {
    player.version = data.version
    const recording = data.recording
    let unpacked
    try {
      unpacked = await unpack(recording)
    } catch (error) {
      console.warn(error)
      player.find("note").textContent = data.text.failure
      return
    }
    if (player.version !== data.version) return // a newer recording came meanwhile
    player.recording = recording
    player.unpacked = unpacked
    player.structure = offsets(recording)
    player.pinned = player.chosen = undefined
    player.slider.max = String(recording.frames.length - 1)
    player.frame = 0
    player.direction = 0
    player.played = false
  }
  if (!player.unpacked) return
  arrange(player)
  legend(player)
  if (data.playing && !player.played) {
    player.played = true
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches
    player.frame = still ? player.recording.frames.length - 1 : 0
    player.direction = still ? 0 : 1
    player.before = undefined
  }
  draw(player)
  if (player.direction) schedule(player)
}

export default ({ data: sent, parentElement, setTriggerValue }) => {
  if (!players.has(parentElement)) players.set(parentElement, create(parentElement))
  const player = players.get(parentElement)
  player.send = setTriggerValue
  show(player, JSON.parse(sent.json))
  return () => {
    // Streamlit also cleans up after a call that a newer one overtook; the player lives on then.
    if (parentElement.isConnected) return
    if (player.request) cancelAnimationFrame(player.request)
    player.observer.disconnect()
    players.delete(parentElement)
  }
}
