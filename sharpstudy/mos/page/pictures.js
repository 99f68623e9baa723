// Pictures: where they come from, that they are ready before they are shown, and how many device pixels each pixel takes.

const study = JSON.parse(document.getElementById("study").textContent);
const embedded = JSON.parse(document.getElementById("pictures").textContent);
const GAP = 12; // css pixels between two pictures
const MARGIN = 16;
const NAMES = 220; // css pixels that the words below the pictures need
const READY = new Map();

function addressOf(number) {
  const name = study.assets[number];
  return embedded[name] ? "data:image/webp;base64," + embedded[name] : "assets/" + name + ".webp";
}

// A decoded picture; asked for twice it comes once. A failed one may be asked for again.
function picture(number) {
  if (!READY.has(number)) {
    const image = new Image();
    image.src = addressOf(number);
    READY.set(number, image.decode().then(() => image, (error) => { READY.delete(number); throw error; }));
  }
  return READY.get(number);
}

// Keep those that the next trials need and let the others go.
function prepare(trials) {
  const wanted = new Set(trials.flatMap((trial) => trial.shown));
  for (const number of READY.keys()) if (!wanted.has(number)) READY.delete(number);
  for (const number of wanted) picture(number).catch(() => {});
}

// One picture pixel is k device pixels, k whole: about one css pixel, less where two only fit side by side so.
// They are never fitted. Where no k lets two stand side by side, they are shown in turn in one place.
function arrangement(size, count, density, width) {
  const usual = Math.max(1, Math.round(density));
  if (count === 2) {
    for (let k = usual; k >= Math.ceil(usual / 2); k -= 1) {
      if ((2 * k * size) / density + GAP <= width) return { k, beside: true };
    }
  }
  for (let k = usual; k > 1; k -= 1) if ((k * size) / density <= width) return { k, beside: false };
  return { k: 1, beside: false };
}

// The least number of css pixels that is a whole number of device pixels, where there is one up to 16.
function gridStep(density) {
  for (let step = 1; step <= 16; step += 1) {
    if (Math.abs(step * density - Math.round(step * density)) < 0.001) return step;
  }
  return 1;
}

// Give images their size and place; answers with what was used. Layout rounds lengths, each browser its own way, and a
// rounded length would stretch a picture: so the plates stand on whole pixels, css and device, and the images get size
// and place by a transform, which is not rounded.
function place(plates, images, names, inTurn) {
  const density = devicePixelRatio;
  const chosen = arrangement(study.size, images.length, density, document.documentElement.clientWidth - MARGIN);
  const side = (chosen.k * study.size) / density;
  const gap = Math.round(GAP * density) / density;
  const beside = chosen.beside && !inTurn;
  const width = Math.ceil(beside ? 2 * side + gap : side);
  Object.assign(plates.style, { width: width + "px", height: Math.ceil(side) + "px", marginLeft: "0", marginTop: "0" });
  const box = plates.getBoundingClientRect();
  const stage = plates.parentElement;
  const step = gridStep(density);
  const align = (from, free) => Math.ceil((from + Math.max(0, free / 2)) / step) * step - from;
  const left = align(box.left + scrollX, stage.clientWidth - width);
  const top = align(box.top + scrollY, stage.clientHeight - side - names.offsetHeight);
  Object.assign(plates.style, { marginLeft: left + "px", marginTop: top + "px" });
  Object.assign(names.style, { width: Math.max(NAMES, width) + "px", marginLeft: left + Math.min(0, (width - NAMES) / 2) + "px" });
  images.forEach((image, at) => {
    const x = beside && at ? side + gap : 0;
    Object.assign(image.style, { width: study.size + "px", height: study.size + "px" });
    image.style.transform = "translate(" + x + "px, 0) scale(" + chosen.k / density + ")";
  });
  return { ...chosen, beside, density };
}
