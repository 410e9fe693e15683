// Takes a picture from the clipboard, makes it small enough to send, and sends it as a PNG.
const MOST = 1024

export default ({ data: sent, parentElement, setStateValue }) => {
  const { text } = JSON.parse(sent.json)
  const field = parentElement.querySelector(".paste")
  field.textContent = text
  const gone = new AbortController()
  document.addEventListener(
    "paste",
    async (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"))
      if (!file) return
      event.preventDefault()
      const picture = await createImageBitmap(file).catch(() => null)
      if (!picture) return
      const scale = Math.min(1, MOST / Math.max(picture.width, picture.height))
      const canvas = document.createElement("canvas")
      canvas.width = Math.max(1, Math.round(picture.width * scale))
      canvas.height = Math.max(1, Math.round(picture.height * scale))
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height)
      setStateValue("picture", canvas.toDataURL("image/png"))
    },
    { signal: gone.signal },
  )
  return () => gone.abort()
}
