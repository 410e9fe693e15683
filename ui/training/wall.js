// The wall: the same images all along, below each what the network says of it now. Cells are made once; what changes is
// their words, their bar and their colour.

const walls = new WeakMap()

const make = (parent, tiles) => {
  const root = parent.querySelector(".wall")
  root.replaceChildren()
  const cells = tiles.map((picture) => {
    const cell = document.createElement("figure")
    const image = Object.assign(document.createElement("img"), { src: picture, alt: "" })
    const said = document.createElement("figcaption")
    const bar = document.createElement("i")
    cell.append(image, said, bar)
    root.append(cell)
    return { cell, said, bar, words: "" }
  })
  return { root, cells }
}

export default ({ data: sent, parentElement }) => {
  const { run, tiles, answers } = JSON.parse(sent.json)
  let wall = walls.get(parentElement)
  if (wall?.run !== run) {
    wall = { run, ...make(parentElement, tiles) }
    walls.set(parentElement, wall)
  }
  answers.forEach(({ said, share, right, words }, index) => {
    const one = wall.cells[index]
    if (!one) return
    if (one.words && one.said.textContent !== said) {
      one.cell.classList.remove("changed")
      void one.cell.offsetWidth // so that the sign of a change begins anew
      one.cell.classList.add("changed")
    }
    one.said.textContent = said
    one.bar.style.setProperty("--share", share)
    one.cell.classList.toggle("right", right)
    one.cell.classList.toggle("wrong", !right)
    one.cell.title = words
    one.cell.setAttribute("role", "img")
    one.cell.setAttribute("aria-label", words)
    one.words = words
  })
}
