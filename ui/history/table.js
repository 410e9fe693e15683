// The table of runs. The server sends all rows; searching, filtering and sorting happen here, without a word to it.
// Everything is set as text, never as HTML, but for the icons, which are ours.

const tables = new WeakMap()
const AT_ONCE = 100
const ICONS = {
  pin: "M16 9V4h1V2H7v2h1v5c0 1.7-1.3 3-3 3v2h6v7l1 1 1-1v-7h6v-2c-1.700 0-3-1.300-3-3z",
  edit: "M3 17.250V21h3.750L17.810 9.940l-3.750-3.750zM20.700 7.040a1 1 0 0 0 0-1.410l-2.340-2.340a1 1 0 0 0-1.410 0l-1.830 1.830 3.750 3.750z",
  delete: "M6 19a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2V7H6zM19 4h-3.500l-1-1h-5l-1 1H5v2h14z",
}
const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children)
  return node
}
const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", ICONS[name])
  svg.append(path)
  return svg
}

const fits = (table, row) => {
  const { words, by, pinned } = table.filter
  return (
    words.every((word) => row.find.includes(word)) &&
    (!by.status || row.status === by.status) &&
    (!by.dataset || row.dataset === by.dataset) &&
    (!by.model || row.model === by.model) &&
    (!by.tag || row.tags.includes(by.tag)) &&
    (!pinned || row.pinned)
  )
}

const value = (row, column) => (column < 0 ? (row.name || row.title).toLowerCase() : row.cells[column][0])
const ordered = (table, rows) => {
  const { column, direction } = table.sort
  const sign = direction === "up" ? 1 : -1
  // Pinned ones first, what was not measured last, equal ones as the server sent them: newest first.
  const compare = (a, b) => {
    const [left, right] = [value(a, column), value(b, column)]
    if (left === null || right === null) return (left === null) - (right === null)
    return left < right ? -sign : left > right ? sign : 0
  }
  return [...rows].sort((a, b) => b.pinned - a.pinned || compare(a, b))
}

const say = (table) => {
  clearTimeout(table.timer)
  table.timer = setTimeout(() => table.setStateValue("chosen", [...table.chosen].join(",")), 250)
}
const choose = (table, ids, on) => {
  for (const id of ids)
    if (!on) table.chosen.delete(id)
    else if (table.chosen.size < table.data.most) table.chosen.add(id)
  say(table)
  draw(table)
}
const act = (table, what, id) => table.setTriggerValue("act", `${what} ${id}`)

const button = (table, name, label, onclick, disabled = false) => {
  const made = make("button", { type: "button", className: `do ${name}`, title: label, onclick, disabled }, icon(name))
  made.setAttribute("aria-label", label)
  return made
}

const line = (table, row) => {
  const { words, language } = table.data
  const shown = row.name || row.title
  const box = make("input", { type: "checkbox", checked: table.chosen.has(row.id) })
  box.setAttribute("aria-label", filled(words.choose, { name: shown }))
  box.onchange = () => choose(table, [row.id], box.checked)
  const link = make("a", { href: `train?lang=${language}&run=${row.id}`, textContent: shown, title: shown })
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    act(table, "open", row.id)
  }
  const dot = make("span", { className: "dot", title: row.statusTitle })
  dot.dataset.colour = row.colour
  const head = make("div", { className: "head" }, dot, link)
  const below = make("div", { className: "below" }, make("span", { textContent: row.statusTitle }))
  if (!row.mine) below.append(make("span", { textContent: words.shell }))
  for (const tag of row.tags) {
    const chip = make("button", { type: "button", className: "tag", textContent: tag })
    chip.onclick = () => filterBy(table, "tag", table.filter.by.tag === tag ? "" : tag)
    below.append(chip)
  }
  if (row.name) below.append(make("span", { textContent: row.title })) // behind the tags: what is long is cut
  if (row.note) below.append(make("span", { className: "note", textContent: row.note.split("\n")[0], title: row.note }))
  const menu = make("div", { className: "menu" })
  if (row.mine)
    menu.append(
      button(table, "pin", row.pinned ? words.unpin : words.pin, () => act(table, row.pinned ? "unpin" : "pin", row.id)),
      button(table, "edit", words.edit, () => act(table, "edit", row.id)),
      button(table, "delete", row.live ? words.stopFirst : words.delete, () => act(table, "delete", row.id), row.live),
    )
  const cells = row.cells.map(([raw, text]) =>
    make("td", { textContent: text, className: typeof raw === "string" ? "words" : "" }),
  )
  const made = make("tr", {}, make("td", { className: "box" }, box), make("th", { scope: "row" }, head, below), ...cells)
  made.append(make("td", { className: "acts" }, menu))
  made.classList.toggle("pinned", row.pinned)
  made.classList.toggle("chosen", table.chosen.has(row.id))
  return made
}

// Chinese has no spaces to break at: after its first word, of two characters, a heading may.
const breakable = (text) => text.replace(/^(\p{Script=Han}{2})(?=\p{Script=Han}{2})/u, "$1\u200b")

const heading = (table, column, title) => {
  const text = breakable(title)
  const now = table.sort.column === column
  const sorter = make("button", { type: "button", textContent: text + (now ? (table.sort.direction === "up" ? " ↑" : " ↓") : "") })
  sorter.onclick = () => {
    const first = column < 0 ? "up" : table.data.columns[column].first
    const other = first === "up" ? "down" : "up"
    table.sort = { column, direction: now && table.sort.direction === first ? other : first }
    draw(table)
  }
  const cell = make("th", { scope: "col" }, sorter)
  if (now) cell.setAttribute("aria-sort", table.sort.direction === "up" ? "ascending" : "descending")
  return cell
}

const draw = (table) => {
  const { rows, columns, words, most } = table.data
  const found = ordered(table, rows.filter((row) => fits(table, row)))
  const shown = table.all ? found : found.slice(0, AT_ONCE)
  const all = make("input", { type: "checkbox", title: words.chooseAll })
  all.setAttribute("aria-label", words.chooseAll)
  all.checked = shown.length > 0 && shown.every((row) => table.chosen.has(row.id))
  all.onchange = () => choose(table, shown.map((row) => row.id), all.checked)
  const head = make("tr", {}, make("th", { className: "box", scope: "col" }, all), heading(table, -1, words.run))
  head.append(...columns.map((column, place) => heading(table, place, column.title)), make("th", { className: "acts" }))
  table.head.replaceChildren(head)
  table.body.replaceChildren(...shown.map((row) => line(table, row)))
  if (!shown.length) table.body.append(make("tr", {}, make("td", { className: "nothing", colSpan: columns.length + 3, textContent: words.nothing })))
  const full = table.chosen.size >= most ? ` · ${filled(words.full, { most })}` : ""
  table.count.textContent = filled(words.count, { shown: found.length, all: rows.length }) + full
  table.more.hidden = shown.length === found.length
  table.more.textContent = filled(words.more, { count: found.length })
}

const filterBy = (table, name, chosen) => {
  table.filter.by[name] = chosen
  fill(table)
  draw(table)
}

// The filters offer what there is, and keep what was chosen.
const fill = (table) => {
  const { rows, words } = table.data
  const offered = {
    status: new Map(rows.map((row) => [row.status, row.statusTitle])),
    dataset: new Map(rows.map((row) => [row.dataset, row.dataset])),
    model: new Map(rows.map((row) => [row.model, row.model])),
    tag: new Map(rows.flatMap((row) => row.tags.map((tag) => [tag, tag]))),
  }
  for (const select of table.selects) {
    const name = select.dataset.by
    const now = offered[name].has(table.filter.by[name]) ? table.filter.by[name] : ""
    table.filter.by[name] = now
    const options = [["", words[name]], ...[...offered[name]].sort((a, b) => a[1].localeCompare(b[1]))]
    select.replaceChildren(...options.map(([key, text]) => make("option", { value: key, textContent: text })))
    select.value = now
    select.hidden = offered[name].size < 2 && !now
    select.setAttribute("aria-label", words[name])
  }
}

const create = (parent) => {
  const root = parent.querySelector(".runs")
  const find = (name) => root.querySelector(name)
  const table = { head: find("thead"), body: find("tbody"), count: find(".count"), more: find(".more") }
  table.selects = [...root.querySelectorAll("select")]
  table.search = find(".search")
  table.only = find(".pinned")
  table.chosen = new Set()
  table.filter = { words: [], by: {}, pinned: false }
  table.sort = { column: 10, direction: "down" }
  table.search.oninput = () => {
    table.filter.words = table.search.value.toLowerCase().split(/\s+/).filter(Boolean)
    draw(table)
  }
  for (const select of table.selects) select.onchange = () => filterBy(table, select.dataset.by, select.value)
  table.only.onchange = () => {
    table.filter.pinned = table.only.checked
    draw(table)
  }
  table.more.onclick = () => {
    table.all = true
    draw(table)
  }
  return table
}

export default ({ data: sent, parentElement, setStateValue, setTriggerValue }) => {
  if (!tables.has(parentElement)) tables.set(parentElement, create(parentElement))
  const table = tables.get(parentElement)
  Object.assign(table, { setStateValue, setTriggerValue })
  if (table.json === sent.json) return
  table.json = sent.json
  table.data = JSON.parse(sent.json)
  const { chosen, revision, words } = table.data
  if (table.revision !== revision) {
    clearTimeout(table.timer)
    table.chosen = new Set(chosen)
    table.revision = revision
  }
  table.search.placeholder = words.search
  table.search.title = words.searchHelp
  table.search.setAttribute("aria-label", words.search)
  table.only.nextElementSibling.textContent = words.pinned
  fill(table)
  draw(table)
}
