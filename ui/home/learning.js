// Plays the recorded training of a small network: its answer over the plane, epoch by epoch.
// sent.json: { recording, colours: [class 0, class 1], text: { play, pause, epoch, accuracy, loss, scrub, description } }

const SECONDS = 9; // from the first frame to the last
const REST = 2.5; // on the last frame before it starts again

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function paperColour(element) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim() || "#ffffff";
  return rgb(probe.fillStyle);
}

export default function ({ data: sent, parentElement }) {
  const data = JSON.parse(sent.json);
  const root = parentElement.querySelector(".learning");
  const [canvas, button, slider, caption] = ["canvas", "button", "input", ".caption"].map((s) => root.querySelector(s));
  const { recording, colours, text } = data;
  const { grid, extent, epochs, losses, accuracies, points, labels } = recording;
  const surfaces = Uint8Array.from(atob(recording.surfaces), (c) => c.charCodeAt(0));
  const palette = colours.map(rgb);
  const cells = document.createElement("canvas");
  cells.width = cells.height = grid;
  const last = epochs.length - 1;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = still ? last : 0;
  let playing = !still;
  let before = null;
  let request = 0;

  canvas.setAttribute("aria-label", text.description);
  slider.setAttribute("aria-label", text.scrub);
  slider.max = String(last);
  slider.step = "any";

  function drawSurface(shown, paper) {
    const picture = new ImageData(grid, grid);
    for (let row = 0; row < grid; row += 1) {
      for (let column = 0; column < grid; column += 1) {
        const p = surfaces[(shown * grid + row) * grid + column] / 255;
        const colour = palette[p > 0.5 ? 1 : 0];
        const strength = 0.75 * Math.abs(2 * p - 1);
        const at = ((grid - 1 - row) * grid + column) * 4; // y points up
        for (let c = 0; c < 3; c += 1) picture.data[at + c] = paper[c] + strength * (colour[c] - paper[c]);
        picture.data[at + 3] = 255;
      }
    }
    cells.getContext("2d").putImageData(picture, 0, 0);
  }

  function draw() {
    const shown = Math.min(Math.floor(frame), last);
    const paper = paperColour(root);
    drawSurface(shown, paper);
    const side = Math.round(canvas.clientWidth * window.devicePixelRatio);
    if (side && canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(cells, 0, 0, canvas.width, canvas.height);
    const radius = canvas.width / 110;
    points.forEach(([x, y], index) => {
      context.beginPath();
      context.arc(((x / extent + 1) / 2) * canvas.width, ((1 - y / extent) / 2) * canvas.height, radius, 0, 2 * Math.PI);
      context.fillStyle = colours[labels[index]];
      context.fill();
      context.lineWidth = radius / 2.5;
      context.strokeStyle = `rgb(${paper.join(",")})`;
      context.stroke();
    });
    slider.value = String(Math.min(frame, last));
    caption.textContent = [
      `${text.epoch} ${epochs[shown]}`,
      `${text.accuracy} ${Math.round(accuracies[shown] * 100)}%`,
      `${text.loss} ${losses[shown].toFixed(3)}`,
    ].join("  ·  ");
    button.dataset.playing = String(playing);
    button.setAttribute("aria-label", playing ? text.pause : text.play);
  }

  function tick(now) {
    if (playing) {
      if (before !== null) frame += ((now - before) / 1000) * (last / SECONDS);
      if (frame > last * (1 + REST / SECONDS)) frame = 0;
      before = now;
      draw();
    }
    request = requestAnimationFrame(tick);
  }

  button.onclick = () => {
    playing = !playing;
    if (playing && frame >= last) frame = 0;
    before = null;
    draw();
  };
  slider.oninput = () => {
    playing = false;
    frame = Number(slider.value);
    draw();
  };
  const size = new ResizeObserver(draw);
  size.observe(root);
  draw();
  request = requestAnimationFrame(tick);
  return () => {
    cancelAnimationFrame(request);
    size.disconnect();
  };
}
