// One chart on one node. Streamlit calls the default function again for every new figure and every change of theme;
// the node is made once, and Plotly.react moves it on from what it shows to what it shall show.

const charts = new WeakMap()
const NEAR = "800px 0px" // above and below what the visitor sees

// plotly.js is 4.8 MB: fetched once a page load, from beside the app, wherever a proxy or a host has put that.
const addresses = (file) => {
  const own = document.querySelector('script[src*="static/js/"]')?.src.split("static/js/")[0]
  return [...new Set([own, new URL("./", location.href).href, `${location.origin}/`])]
    .filter(Boolean)
    .map((base) => `${base}app/static/${file}`)
}

const load = (address) =>
  new Promise((resolve) => {
    const script = document.createElement("script")
    script.src = address
    script.onload = script.onerror = () => resolve(Boolean(window.Plotly))
    document.head.append(script)
  })

const plotly = (file) => {
  window.liveFigurePlotly ??= (async () => {
    for (const address of addresses(file)) if (window.Plotly || (await load(address))) return window.Plotly
    window.liveFigurePlotly = undefined // the next figure tries again
    throw new Error(`${file} did not load`)
  })()
  return window.liveFigurePlotly
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value)

// What the caller says wins over the defaults, key by key.
const under = (defaults, given) => {
  const merged = { ...defaults, ...given }
  for (const key of Object.keys(defaults))
    if (isObject(defaults[key]) && isObject(given?.[key])) merged[key] = under(defaults[key], given[key])
  return merged
}

const themed = ({ layout, colorway }, node) => {
  const style = getComputedStyle(node)
  const read = (name, fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback
  const text = read("text-color", "#1c1f33")
  const line = read("border-color", "#8886")
  const paper = read("background-color", "#fff")
  const font = { family: read("font", "sans-serif"), size: 13, color: text }
  const axis = {
    automargin: true,
    gridcolor: line,
    zerolinecolor: line,
    linecolor: line,
    tickcolor: line,
    gridwidth: 1,
    title: { standoff: 8, font: { size: 13 } },
  }
  const scene = { backgroundcolor: "transparent", gridcolor: line, zerolinecolor: line, color: text }
  const defaults = {
    autosize: true,
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font,
    colorway,
    margin: { l: 8, r: 12, t: layout.title ? 44 : 12, b: 8 },
    hoverlabel: { bgcolor: paper, bordercolor: line, font: { ...font } },
    legend: { orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", bgcolor: "transparent" },
    modebar: { bgcolor: "transparent", color: read("gray-text-color", text), activecolor: read("primary-color", text) },
    uirevision: "kept",
    xaxis: axis,
    yaxis: axis,
  }
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d+$/.test(key)) defaults[key] = axis
    if (/^scene\d*$/.test(key)) defaults[key] = { xaxis: scene, yaxis: scene, zaxis: scene }
  }
  return under(defaults, layout)
}

// A picture has the page's own background: light text on nothing would be lost on white paper.
const picture = (library, node, filename) => {
  const background = getComputedStyle(node).getPropertyValue("--st-background-color").trim() || "#fff"
  // In a picture no font of the page is at hand: one that is everywhere is measured and drawn alike.
  const font = { ...node.layout.font, family: "sans-serif" }
  const layout = { ...node.layout, paper_bgcolor: background, font }
  const { clientWidth: width, clientHeight: height } = node
  library.downloadImage({ data: node.data, layout }, { format: "png", scale: 3, width, height, filename })
}

// Made once as long as it says the same: for another one, with another function too, plotly.js draws the whole chart anew
// and forgets the zoom.
const configured = (chart, { key, labels, config }, library) => {
  const says = JSON.stringify([key, labels, config])
  if (chart.configuration?.says !== says)
    chart.configuration = {
      says,
      config: {
        displaylogo: false,
        showSendToCloud: false, // no chart leaves for a service outside
        locale: "visitor",
        modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
        toImageButtonOptions: { format: "svg", filename: key },
        modeBarButtonsToAdd: [
          {
            name: "png",
            title: labels["Download as PNG"],
            icon: library.Icons.disk,
            click: (node) => picture(library, node, key),
          },
        ],
        ...config,
      },
    }
  return chart.configuration.config
}

// Figures may arrive faster than they can be drawn: only the newest is. While a visitor draws a zoom, or is nowhere near
// the chart, none is.
const draw = async (chart) => {
  if (chart.drawing || chart.held || !chart.near || !chart.figure || !chart.plot.clientWidth) return
  chart.drawing = true
  try {
    const library = await plotly(chart.figure.library)
    while (chart.figure && !chart.held && chart.near && chart.plot.isConnected) {
      const figure = chart.figure
      chart.figure = undefined
      library.register({ moduleType: "locale", name: "visitor", dictionary: figure.labels })
      await library.react(chart.plot, momentOf(chart, figure), themed(figure, chart.plot), configured(chart, figure, library))
      chart.skeleton.remove()
      if (figure.clickable) listen(chart)
    }
  } catch (error) {
    chart.skeleton.remove()
    chart.failure.hidden = false
    chart.looks = undefined // the same figure, sent once more, tries again
    console.warn(error)
  } finally {
    chart.drawing = false
  }
}

// A figure that can be played: the visitor's moment stays, as long as there is none the newest is shown.
const newest = (figure) => (figure.frames?.length ?? 0) - 1
const momentOf = (chart, figure) =>
  newest(figure) < 1 ? figure.data : figure.frames[Math.min(chart.moment ?? newest(figure), newest(figure))].data

const showMoment = (chart, moment) => {
  const last = newest(chart.latest)
  chart.moment = moment >= last ? undefined : moment
  arrange(chart)
  chart.figure = chart.latest
  draw(chart)
}

const arrange = (chart) => {
  const { latest, frames } = chart
  const last = newest(latest)
  frames.hidden = last < 1
  chart.root.classList.toggle("playable", last >= 1)
  if (last < 1) return stop(chart)
  const [button, range, output] = frames.children
  range.max = last
  range.value = Math.min(chart.moment ?? last, last)
  output.textContent = latest.frames[range.value].label
  range.setAttribute("aria-label", latest.playing.moment)
  range.setAttribute("aria-valuetext", output.textContent)
  button.textContent = chart.timer ? "❚❚" : "▶"
  button.setAttribute("aria-label", chart.timer ? latest.playing.pause : latest.playing.play)
}

const stop = (chart) => {
  clearInterval(chart.timer)
  chart.timer = undefined
}

const play = (chart) => {
  if (chart.timer) stop(chart)
  else {
    const step = Math.max(120, Math.min(600, 6000 / newest(chart.latest)))
    if (chart.moment === undefined) chart.moment = -1 // from the start
    chart.timer = setInterval(() => {
      const next = (chart.moment ?? -1) + 1
      if (next >= newest(chart.latest)) stop(chart)
      showMoment(chart, next)
    }, step)
  }
  arrange(chart)
}

const listen = (chart) => {
  if (chart.listening) return
  chart.listening = true
  chart.plot.on("plotly_click", ({ points: [point] }) => {
    if (!Array.isArray(point?.pointNumber)) return // no cell
    const [row, column] = point.pointNumber
    chart.trigger?.("point", { row, column, time: Date.now() })
  })
}

const create = (parent) => {
  const root = parent.querySelector(".figure")
  const find = (name) => root.querySelector(`.${name}`)
  const chart = { root, plot: find("plot"), skeleton: find("skeleton"), failure: find("failure"), frames: find("frames"), gone: new AbortController() }
  const [button, range] = chart.frames.children
  button.addEventListener("click", () => play(chart))
  range.addEventListener("input", () => {
    stop(chart)
    showMoment(chart, Number(range.value))
  })
  let [width, height] = [0, 0]
  chart.observer = new ResizeObserver(() => {
    const { clientWidth, clientHeight } = chart.plot
    if (!clientWidth || (clientWidth === width && clientHeight === height)) return
    ;[width, height] = [clientWidth, clientHeight]
    requestAnimationFrame(() => (chart.plot._fullLayout ? window.Plotly.Plots.resize(chart.plot) : draw(chart)))
  })
  chart.observer.observe(chart.plot)
  const approach = ([...seen]) => {
    chart.near = seen.at(-1).isIntersecting
    root.classList.toggle("near", chart.near)
    draw(chart)
  }
  // The page scrolls in an element of its own: a margin around the window would end at that element's edge.
  const view = root.closest('[data-testid="stMain"]')
  chart.approach = new IntersectionObserver(approach, { root: view, rootMargin: NEAR })
  chart.approach.observe(chart.plot)
  const hear = ({ detail }) => {
    const news = detail[chart.latest?.key]
    if (news) take(chart, news, parent)
  }
  window.addEventListener("news", hear, { signal: chart.gone.signal })
  chart.plot.addEventListener("pointerdown", () => (chart.held = true), { capture: true })
  const release = () => {
    if (!chart.held) return
    chart.held = false
    setTimeout(() => draw(chart)) // after plotly.js has taken the zoom
  }
  for (const end of ["pointerup", "pointercancel", "blur"])
    window.addEventListener(end, release, { capture: true, signal: chart.gone.signal })
  return chart
}

// What a figure looks like: what was sent, and the theme around it.
const appearance = (json, node) => {
  const style = getComputedStyle(node)
  return json + ["text-color", "background-color", "border-color", "font"].map((name) => style.getPropertyValue(`--st-${name}`))
}

// Move on to the figure in this text, or to another theme.
const take = (chart, json, parent) => {
  const looks = appearance(json, parent)
  if (looks === chart.looks) return
  chart.looks = looks
  if (json !== chart.json) {
    chart.json = json
    chart.latest = JSON.parse(json)
  }
  const data = (chart.figure = chart.latest)
  arrange(chart)
  chart.root.style.height = `${data.height}px`
  chart.root.classList.toggle("tools", !data.config.staticPlot && data.config.displayModeBar !== false)
  chart.plot.setAttribute("aria-label", data.description)
  chart.failure.textContent = data.failure
  draw(chart)
}

export default ({ data: sent, parentElement, setTriggerValue }) => {
  if (!charts.has(parentElement)) charts.set(parentElement, create(parentElement))
  const chart = charts.get(parentElement)
  chart.trigger = setTriggerValue
  // Called again with what it was sent before, as for a change of theme, the chart stays at the news that came since.
  const news = sent.json !== chart.sent
  chart.sent = sent.json
  take(chart, news ? sent.json : chart.json, parentElement)
  chart.leave = () => {
    // Streamlit also cleans up after a call that a newer one overtook; the chart lives on then.
    if (parentElement.isConnected) return
    chart.observer.disconnect()
    chart.approach.disconnect()
    stop(chart)
    chart.gone.abort()
    charts.delete(parentElement)
    if (chart.plot._fullLayout) window.Plotly.purge(chart.plot)
  }
  return chart.leave
}
