// Asks the server for a new look some time after its last answer, and only while somebody can see the page: no looks
// pile up on a slow server, and a tab in the background costs nothing until it comes to the front. What an answer brings
// for other components of the page is handed to them here.

const LOST_MS = 15_000 // an answer that takes longer is not coming
// Streamlit sends what components say in one task as one message, for one fragment: of two clocks that strike together
// the other would go unheard, and wait for LOST_MS.
const APART_MS = 50

// Each clock is a module of its own, and a call of this one may outlive the next: of each name, only the newest answer counts.
const newest = (window.clockAnswers ??= new Map())

const say = (event, detail) => window.dispatchEvent(new CustomEvent(event, { detail }))

export default ({ data: { json, ...news }, setTriggerValue }) => {
  const { seconds, asked, name, rouse } = JSON.parse(json)
  const fresh = newest.get(name) !== asked // called again with the same answer, as when the theme changes, it is none
  newest.set(name, asked)
  const gone = new AbortController()
  let due = performance.now() + 1000 * seconds
  let timer
  let waiting = false
  const ask = () => {
    clearTimeout(timer)
    if (newest.get(name) !== asked || document.visibilityState === "hidden") return
    const now = performance.now()
    const early = (window.clockStruck ?? -Infinity) + APART_MS - now
    if (early > 0) {
      timer = setTimeout(ask, early)
      return
    }
    window.clockStruck = now
    timer = setTimeout(ask, Math.max(LOST_MS, 3000 * seconds))
    waiting = true
    setTriggerValue("tick", Date.now())
  }
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(ask, Math.max(0, due - performance.now()))
  }
  const hear = ({ detail }) => {
    if (detail !== name || waiting) return
    due = performance.now()
    wait()
  }
  document.addEventListener("visibilitychange", wait, { signal: gone.signal })
  window.addEventListener("rouse", hear, { signal: gone.signal })
  wait()
  if (fresh) {
    say("news", news)
    if (rouse) say("rouse", rouse)
  }
  return () => {
    gone.abort()
    clearTimeout(timer)
  }
}
