// A program with an explanation beside each group of lines. Everything is set as text, never as HTML.

const element = (name, className, ...children) => {
  const node = document.createElement(name)
  if (className) node.className = className
  node.append(...children)
  return node
}

const codeLine = ({ number, indent, tokens }) => {
  const code = element("code", "", ...tokens.map(([text, kind]) => element("span", kind, text)))
  code.style.setProperty("--indent", indent)
  return element("span", "line", element("i", "", String(number)), code)
}

const luminance = (colour) => {
  const [red, green, blue] = (colour.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number)
  return 0.3 * red + 0.59 * green + 0.11 * blue
}

export default ({ data, parentElement }) => {
  const root = parentElement.querySelector(".annotated")
  root.classList.toggle("dark", luminance(getComputedStyle(root).color) > 128)
  if (root.dataset.version === data.version) return
  root.dataset.version = data.version
  root.replaceChildren(
    ...data.rows.map(({ lines, note, marked }) =>
      element(
        "div",
        marked ? "row marked" : "row",
        element("pre", "", ...lines.map(codeLine)),
        element("div", "note", ...note.map(([text, kind]) => (kind ? element(kind, "", text) : text))),
      ),
    ),
  )
}
