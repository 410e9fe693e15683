// Parts of a page that follow a run: the bar of its progress, the wall of images, the first filters. Each is made once;
// then only what changed is exchanged, whether the page draws it anew or news of it comes in between (see clock.js).

const parts = new WeakMap()

const make = (tag, parent, attributes = {}) => parent.appendChild(Object.assign(document.createElement(tag), attributes))

const progress = (root, { share, words }) => {
  if (!root.firstChild) make("progress", root, { max: 1 }).before(make("div", root))
  const [line, bar] = root.children
  line.textContent = words
  bar.value = share
  bar.setAttribute("aria-label", words)
}

const pictures = (root, { images }) => {
  while (root.children.length > images.length) root.lastChild.remove()
  images.forEach(({ source, words }, index) => {
    const image = root.children[index] ?? make("img", root)
    if (image.alt !== words) image.alt = words
    if (image.src !== source) image.src = source
  })
}

// Below each image what the network says of it now.
const wall = (root, { run, words: told, tiles, answers }) => {
  if (root.dataset.run !== run) {
    root.dataset.run = run
    root.replaceChildren()
    make("p", root)
    for (const tile of tiles) {
      const cell = make("figure", root)
      make("img", cell, { src: tile, alt: "" })
      make("figcaption", cell)
      make("i", cell)
    }
  }
  const [line, ...cells] = root.children
  line.textContent = told
  cells.forEach((cell, index) => {
    const { said, share, right, words } = answers[index]
    const [, caption, bar] = cell.children
    if (caption.textContent && caption.textContent !== said) {
      cell.classList.remove("changed")
      void cell.offsetWidth // so that the sign of a change begins anew
      cell.classList.add("changed")
    }
    caption.textContent = said
    bar.style.setProperty("--share", share)
    cell.classList.toggle("right", right)
    cell.classList.toggle("wrong", !right)
    cell.title = words
    cell.setAttribute("role", "img")
    cell.setAttribute("aria-label", words)
  })
}

const kinds = { progress, pictures, wall }

const create = (parent) => {
  const part = { root: parent.querySelector(".moving"), gone: new AbortController() }
  part.tell = (json) => {
    const told = JSON.parse(json)
    part.key = told.key
    part.root.classList.add(told.kind)
    kinds[told.kind](part.root, told)
  }
  const hear = ({ detail }) => detail[part.key] && part.tell(detail[part.key])
  window.addEventListener("news", hear, { signal: part.gone.signal })
  return part
}

export default ({ data: sent, parentElement }) => {
  if (!parts.has(parentElement)) parts.set(parentElement, create(parentElement))
  const part = parts.get(parentElement)
  if (sent.json !== part.sent) {
    part.sent = sent.json // called again with what it was sent before, it stays at the news that came since
    part.tell(sent.json)
  }
  return () => {
    if (parentElement.isConnected) return // Streamlit also cleans up after a call that a newer one overtook
    part.gone.abort()
    parts.delete(parentElement)
  }
}
