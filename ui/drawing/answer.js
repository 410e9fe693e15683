// What the network answers, on nodes that stay: a new answer only changes text, widths and pixels.

const remembered = new WeakMap()

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

// Grey images have one byte a pixel, colour images three.
const valuesAt = (pixels, side, index) => {
  const channels = pixels.length / side ** 2
  return [...pixels.subarray(channels * index, channels * (index + 1))]
}

const paint = (canvas, pixels, side = 28) => {
  const image = new ImageData(side, side)
  for (let index = 0; index < side ** 2; index++) {
    const [red, green = red, blue = red] = valuesAt(pixels, side, index)
    image.data.set([red, green, blue, 255], 4 * index)
  }
  if (canvas.width !== side) canvas.width = canvas.height = side
  canvas.getContext("2d").putImageData(image, 0, 0)
}

const row = (name) => {
  const item = document.createElement("li")
  for (const part of ["name", "track", "value"]) item.append(Object.assign(document.createElement("span"), { className: part }))
  item.querySelector(".name").textContent = name
  item.querySelector(".track").append(Object.assign(document.createElement("div"), { className: "fill" }))
  return item
}

const showBars = (list, { names, bars, top }) => {
  if (list.dataset.names !== names.join("\n")) {
    list.replaceChildren(...names.map(row))
    list.dataset.names = names.join("\n")
    list.toggleAttribute("data-words", names.some((name) => [...name].length > 2))
  }
  ;[...list.children].forEach((item, index) => {
    item.toggleAttribute("data-top", index === top)
    item.toggleAttribute("data-tiny", Boolean(bars) && bars[index].share < 0.0005)
    item.querySelector(".fill").style.transform = `scaleX(${bars ? bars[index].share : 0})`
    item.querySelector(".value").textContent = bars ? bars[index].text : ""
  })
}

const showTile = (figure, { title, remark, alternative }) => {
  figure.querySelector("figcaption").textContent = title
  figure.querySelector(".remark").textContent = remark
  figure.querySelector("[role=img]").setAttribute("aria-label", alternative)
}

const listen = (canvas, figure) => {
  canvas.addEventListener("pointermove", (event) => {
    const { seen, pixelText, pixels } = remembered.get(figure)
    const area = canvas.getBoundingClientRect()
    const at = (position, start, length) => Math.min(seen.side - 1, Math.max(0, Math.floor((seen.side * (position - start)) / length)))
    const [row, column] = [at(event.clientY, area.top, area.height), at(event.clientX, area.left, area.width)]
    const values = { row: row + 1, column: column + 1, value: valuesAt(pixels, seen.side, seen.side * row + column).join(", ") }
    figure.querySelector(".remark").textContent = pixelText.replace(/{(\w+)}/g, (_, name) => values[name])
    canvas.onpointerleave = () => (figure.querySelector(".remark").textContent = remembered.get(figure).seen.remark)
  })
}

// The canvas comes with a toolbar of its own, in English, of which an invisible part lies over the paper's corner and
// takes the touch of a finger that begins a stroke there. The page has buttons for what it offers.
const plain = new CSSStyleSheet()
plain.replaceSync(".dc-toolbar { display: none !important; } .dc-canvas { border-radius: 0.4rem; }")

const hideToolbar = (attempts = 600) => {
  for (const { shadowRoot } of document.querySelectorAll("[data-testid=stBidiComponentIsolated]"))
    if (shadowRoot?.querySelector(".dc-toolbar")) {
      if (!shadowRoot.adoptedStyleSheets.includes(plain)) shadowRoot.adoptedStyleSheets.push(plain)
      return
    }
  if (attempts) setTimeout(hideToolbar, 100, attempts - 1)
}

// A row of the digits that were found, each a button that asks for its probabilities.
const showParts = (row, { parts, picked, partText }, pick) => {
  row.hidden = !parts.length
  while (row.children.length > parts.length) row.lastChild.remove()
  while (row.children.length < parts.length) {
    const button = Object.assign(document.createElement("button"), { type: "button" })
    button.append(Object.assign(document.createElement("canvas"), { width: 28, height: 28 }), document.createElement("b"), document.createElement("span"))
    row.append(button)
  }
  parts.forEach(({ pixels, label, percent }, index) => {
    const button = row.children[index]
    paint(button.querySelector("canvas"), bytes(pixels))
    button.querySelector("b").textContent = label
    button.querySelector("span").textContent = percent
    const words = { number: index + 1, count: parts.length, label, percent }
    button.setAttribute("aria-label", partText.replace(/{(\w+)}/g, (_, name) => words[name]))
    button.setAttribute("aria-pressed", index === picked)
    button.onclick = () => pick(index)
  })
}

export default ({ data: sent, parentElement, setStateValue }) => {
  const data = JSON.parse(sent.json)
  const root = parentElement.querySelector(".answer")
  const find = (selector) => root.querySelector(selector)
  for (const [name, colour] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, colour)
  hideToolbar()
  root.dataset.kind = data.kind
  root.toggleAttribute("data-pending", data.pending)
  find(".badge").textContent = data.badge
  find(".label").textContent = data.label
  find(".label").dataset.length = [...data.label].length < 3 ? "character" : data.parts.length ? "number" : "word"
  find(".percent").textContent = data.percent
  find(".note").textContent = data.note
  find(".heading").textContent = data.heading
  showBars(find(".bars"), data)

  showParts(find(".parts"), data, (index) => setStateValue("picked", index))

  const { drawing, seen, naive } = data.tiles
  showTile(find(".drawing"), drawing)
  find(".drawing svg").setAttribute("viewBox", `0 0 ${drawing.size} ${drawing.size}`)
  find(".drawing image").setAttribute("href", drawing.picture)
  find(".drawing path").setAttribute("d", drawing.path)
  find(".drawing path").setAttribute("stroke-width", drawing.pen)

  const figure = find(".seen")
  const canvas = figure.querySelector("canvas")
  if (!remembered.has(figure)) listen(canvas, figure)
  remembered.set(figure, { seen, pixelText: data.pixelText, pixels: bytes(seen.pixels) })
  showTile(figure, seen)
  paint(canvas, bytes(seen.pixels), seen.side)
  const box = find(".box")
  box.hidden = !seen.box
  if (seen.box) {
    const [left, top, side] = seen.box.map((pixels) => `${(100 * pixels) / 28}%`)
    Object.assign(box.style, { left, top, width: side, height: side })
  }
  showTile(find(".naive"), naive)
  find(".naive").hidden = naive.hidden
  find(".naive").toggleAttribute("data-differs", naive.differs)
  if (!naive.hidden) paint(find(".naive canvas"), bytes(naive.pixels))
  root.dataset.count = data.count
  document.dispatchEvent(new Event("drawing-answered")) // the paper may ask again
}
