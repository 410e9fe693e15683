// Paper and pen: strokes by mouse, finger, stylus or keyboard; undo, redo and clear at once, without the server.
// sent.json: { size, pen, ink, revision, strokes, live, text: { paper, undo, redo, clear, keys } }
// Says "revision pen strokes": pen 1 while it touches the paper; strokes as "x,y x,y;x,y" in tenths of a pixel.

const LIVE_MS = 180 // between two looks at an unfinished stroke
const LOST_MS = 3000 // an answer that takes longer is not waited for
const [STEP, FINE] = [8, 2] // pixels that an arrow key moves the pen
const MOST_POINTS = 9000 // the server reads 10,000

const papers = new Map() // of each component, what is on it: it outlives a component that is drawn anew

const read = (text) =>
  text ? text.split(";").map((stroke) => stroke.split(" ").map((point) => point.split(",").map((v) => v / 10))) : []
const written = (strokes) =>
  strokes.map((stroke) => stroke.map(([x, y]) => `${Math.round(10 * x)},${Math.round(10 * y)}`).join(" ")).join(";")

export default ({ data: sent, key, parentElement, setStateValue }) => {
  const { size, pen, ink, revision, strokes, live, text } = JSON.parse(sent.json)
  const root = parentElement.querySelector(".paper")
  const canvas = root.querySelector("canvas")
  const buttons = Object.fromEntries(["undo", "redo", "clear"].map((name) => [name, root.querySelector(`.${name}`)]))
  const gone = new AbortController()
  const on = (target, kind, what, more = {}) => target.addEventListener(kind, what, { signal: gone.signal, ...more })

  let state = papers.get(key)
  if (!state || state.revision < revision) {
    state = { revision, strokes: read(strokes), undone: [], now: null, pointer: null, at: [size / 2, size / 2], sent: 0, said: "" }
    papers.set(key, state)
  }
  for (const name in buttons) {
    buttons[name].querySelector("span").textContent = text[name]
    buttons[name].title = text[`${name}Keys`]
  }
  canvas.setAttribute("aria-label", text.paper)
  root.querySelector(".keys").textContent = text.keys

  const all = () => (state.now ? [...state.strokes, state.now] : state.strokes)
  const say = () => {
    const words = `${state.revision} ${state.now ? 1 : 0} ${written(all())}`
    if (words === state.said) return
    state.said = words
    state.sent = performance.now()
    state.waiting = true
    root.dataset.said = state.sent
    setStateValue("said", words)
  }
  const later = () => {
    if (!live || !state.now || state.timer) return
    const patience = state.waiting ? LOST_MS : LIVE_MS
    state.timer = setTimeout(() => {
      state.timer = null
      if (state.now) say()
    }, Math.max(0, state.sent + patience - performance.now()))
  }
  const answered = () => {
    state.waiting = false
    clearTimeout(state.timer)
    state.timer = null
    later()
  }

  const paint = () => {
    const scale = window.devicePixelRatio || 1
    const side = Math.round(size * scale)
    if (canvas.width !== side) canvas.width = canvas.height = side
    const context = canvas.getContext("2d")
    context.setTransform(side / size, 0, 0, side / size, 0, 0)
    context.clearRect(0, 0, size, size)
    Object.assign(context, { lineWidth: pen, lineCap: "round", lineJoin: "round", strokeStyle: ink })
    for (const stroke of all()) {
      context.beginPath()
      context.moveTo(...stroke[0])
      if (stroke.length === 1) context.lineTo(stroke[0][0] + 0.01, stroke[0][1])
      for (const point of stroke.slice(1)) context.lineTo(...point)
      context.stroke()
    }
    if (document.activeElement === parentElement.host || canvas.matches(":focus-visible")) {
      context.beginPath()
      context.setLineDash([3, 3])
      Object.assign(context, { lineWidth: 1.5, strokeStyle: "#7c8298" })
      if (canvas.matches(":focus-visible")) context.arc(...state.at, pen / 2 + 3, 0, 2 * Math.PI)
      context.stroke()
      context.setLineDash([])
    }
    const empty = !state.strokes.length && !state.now
    buttons.undo.disabled = buttons.clear.disabled = empty
    buttons.redo.disabled = !state.undone.length
    root.dataset.strokes = all().length
  }
  let asked = false
  const repaint = () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      paint()
    })
  }

  const count = () => all().reduce((sum, stroke) => sum + stroke.length, 0)
  const place = (event) => {
    const area = canvas.getBoundingClientRect()
    return [((event.clientX - area.left) * size) / area.width, ((event.clientY - area.top) * size) / area.height]
  }
  const within = ([x, y]) => [Math.min(size, Math.max(0, x)), Math.min(size, Math.max(0, y))]
  const extend = (point) => {
    const [x, y] = state.now[state.now.length - 1]
    const [nextX, nextY] = within(point)
    if (Math.abs(nextX - x) + Math.abs(nextY - y) >= 0.8 && count() < MOST_POINTS) state.now.push([nextX, nextY])
  }
  const begin = (point) => {
    state.now = [within(point)]
    state.undone = []
  }
  const end = () => {
    if (!state.now) return
    state.strokes = [...state.strokes, state.now]
    state.now = null
    state.pointer = null
    clearTimeout(state.timer)
    state.timer = null
    say()
    paint()
  }

  on(canvas, "pointerdown", (event) => {
    if (state.now || !event.isPrimary || (event.pointerType === "mouse" && event.button !== 0)) return
    event.preventDefault()
    canvas.focus({ preventScroll: true, focusVisible: false })
    canvas.setPointerCapture(event.pointerId)
    state.pointer = event.pointerId
    begin(place(event))
    repaint()
    later()
  })
  on(canvas, "pointermove", (event) => {
    if (!state.now || event.pointerId !== state.pointer) return
    const moves = event.getCoalescedEvents?.() ?? []
    for (const move of moves.length ? moves : [event]) extend(place(move))
    repaint()
    later()
  })
  for (const kind of ["pointerup", "pointercancel"])
    on(canvas, kind, (event) => {
      if (event.pointerId !== state.pointer) return
      if (state.now && kind === "pointerup") extend(place(event))
      end()
    })

  const change = (what) => {
    if (state.now) return
    what()
    say()
    paint()
  }
  const undo = () => change(() => state.strokes.length && (state.undone = [...state.undone, [state.strokes.at(-1)]], state.strokes = state.strokes.slice(0, -1)))
  const redo = () =>
    change(() => {
      const back = state.undone.at(-1)
      if (back) [state.undone, state.strokes] = [state.undone.slice(0, -1), [...state.strokes, ...back]]
    })
  const clear = () =>
    change(() => state.strokes.length && (state.undone = [...state.undone, state.strokes], state.strokes = []))
  on(buttons.undo, "click", undo)
  on(buttons.redo, "click", redo)
  on(buttons.clear, "click", clear)

  on(root, "keydown", (event) => {
    const command = event.ctrlKey || event.metaKey
    const letter = event.key.toLowerCase()
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
    if (command && letter === "z") event.shiftKey ? redo() : undo()
    else if (command && letter === "y") redo()
    else if (event.target === canvas && (event.key === "Delete" || event.key === "Backspace")) clear()
    else if (event.target === canvas && moves[event.key]) {
      const step = event.shiftKey ? FINE : STEP
      state.at = within(state.at.map((value, axis) => value + step * moves[event.key][axis]))
      if (state.now && state.pointer === null) extend(state.at)
      repaint()
      later()
    } else if (event.target === canvas && (event.key === " " || event.key === "Enter")) {
      if (state.now) end()
      else begin(state.at)
      repaint()
    } else return
    event.preventDefault()
    event.stopPropagation()
  })
  on(canvas, "focus", repaint)
  on(canvas, "blur", () => {
    if (state.now && state.pointer === null) end()
    repaint()
  })
  on(canvas, "contextmenu", (event) => state.now && event.preventDefault())
  on(window, "resize", repaint)
  on(document, "drawing-answered", answered)
  root.style.setProperty("--side", `${size}px`)
  paint()
  if (state.said === "" && state.strokes.length) say()
  return () => gone.abort()
}
