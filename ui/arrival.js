// Scrolls the fold that this stands in to the top of the view, once, and stays with it while what is above it is still
// being drawn; whatever the visitor does ends that.

const LONGEST_MS = 8_000
const HEADER = "4.5rem" // Streamlit's own, which lies over the page
const DEEDS = ["wheel", "touchstart", "pointerdown", "keydown"]

const followed = (window.linksFollowed ??= new Set())

export default ({ data, parentElement }) => {
  const { key } = JSON.parse(data.json)
  const fold = parentElement.closest('[data-testid="stExpander"]')
  if (!fold || followed.has(key)) return
  fold.style.scrollMarginTop = HEADER
  const growing = new ResizeObserver(() => fold.scrollIntoView())
  growing.observe(document.querySelector('[data-testid="stMainBlockContainer"]') ?? document.body)
  const over = new AbortController()
  const end = () => {
    followed.add(key)
    over.abort()
  }
  // On their way down, since whoever hears a deed may keep it to itself.
  for (const deed of DEEDS) window.addEventListener(deed, end, { capture: true, passive: true, signal: over.signal })
  const timer = setTimeout(end, LONGEST_MS)
  over.signal.addEventListener("abort", () => {
    growing.disconnect()
    clearTimeout(timer)
  })
  return () => over.abort()
}
