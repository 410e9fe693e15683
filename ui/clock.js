// Asks the server for a new look some time after its last answer, and only while somebody can see the page: no looks
// pile up on a slow server, and a tab in the background costs nothing until it comes to the front.

const LOST_MS = 15_000 // an answer that takes longer is not coming
// Streamlit sends what components say in one task as one message, for one fragment: of two clocks that strike together
// the other would go unheard, and wait for LOST_MS.
const APART_MS = 50

export default ({ data: sent, setTriggerValue }) => {
  const { seconds } = JSON.parse(sent.json)
  const gone = new AbortController()
  const due = performance.now() + 1000 * seconds
  let timer
  const ask = () => {
    clearTimeout(timer)
    if (document.visibilityState === "hidden") return
    const now = performance.now()
    const early = (window.clockStruck ?? -Infinity) + APART_MS - now
    if (early > 0) {
      timer = setTimeout(ask, early)
      return
    }
    window.clockStruck = now // each clock is a module of its own
    timer = setTimeout(ask, Math.max(LOST_MS, 3000 * seconds))
    setTriggerValue("tick", Date.now())
  }
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(ask, Math.max(0, due - performance.now()))
  }
  document.addEventListener("visibilitychange", wait, { signal: gone.signal })
  wait()
  return () => {
    gone.abort()
    clearTimeout(timer)
  }
}
