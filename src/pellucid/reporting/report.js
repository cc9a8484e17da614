"use strict";
// Draws the records of the page. Text from data is never parsed: it is in the page already, or set as textContent.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const state = { sign: "absolute", scale: "own", across: 56 };
  const PERCENTILE = 0.995;
  const SHADES = 256;

  const ramp = (stops) => {
    const colours = stops.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return Array.from({ length: SHADES }, (_, shade) => {
      const at = (shade / (SHADES - 1)) * (colours.length - 1);
      const low = Math.min(Math.floor(at), colours.length - 2);
      return colours[low].map((from, channel) => from + (colours[low + 1][channel] - from) * (at - low));
    });
  };
  const ramps = { signed: ramp(data.palette.signed), absolute: ramp(data.palette.absolute) };

  const partOf = (element) => {
    const [card, entry, part] = element.dataset.part.split(" ").map(Number);
    return data.cards[card].entries[entry].parts[part];
  };

  const decoded = new Map();
  const valuesOf = (part) => {
    if (!decoded.has(part)) {
      const bytes = Uint8Array.from(atob(part.map.data), (character) => character.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      const values = new Float64Array(bytes.length / 2);
      for (let i = 0; i < values.length; i++) values[i] = view.getInt16(2 * i, true) * part.map.step;
      decoded.set(part, values);
    }
    return decoded.get(part);
  };

  // Sums over squares of pixels, and the magnitude at which colours end; a map that is smooth stays as it is.
  const cellsOf = (part) => {
    const { width, height } = part.map;
    const size = part.smooth || part.regions || part.form === "series" || !state.across ? 1 : Math.max(1, Math.round(width / state.across));
    const across = Math.ceil(width / size);
    const cells = { width: across, height: Math.ceil(height / size), size, total: 0 };
    cells.values = new Float64Array(cells.width * cells.height);
    const values = valuesOf(part);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const value = state.sign === "signed" ? values[i] : Math.abs(values[i]);
        cells.values[Math.floor(y / size) * across + Math.floor(x / size)] += value;
        cells.total += Math.abs(values[i]);
      }
    }
    if (part.regions) { // every position of a region has its whole value
      cells.limit = cells.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      cells.even = part.total / part.regions;
      return cells;
    }
    cells.limit = quantile(cells.values.map(Math.abs));
    cells.even = (cells.total * size * size) / (width * height); // what a square would hold in an even spread
    return cells;
  };

  const quantile = (magnitudes) => {
    magnitudes.sort();
    const at = PERCENTILE * (magnitudes.length - 1);
    const low = Math.floor(at);
    const next = magnitudes[Math.min(low + 1, magnitudes.length - 1)];
    return magnitudes[low] + (next - magnitudes[low]) * (at - low) || magnitudes[magnitudes.length - 1];
  };

  const shade = (pixels, at, value) => {
    const clipped = Math.max(-1, Math.min(1, value));
    const position = state.sign === "signed" ? (clipped + 1) / 2 : Math.abs(clipped);
    pixels.set(ramps[state.sign][Math.round(position * (SHADES - 1))], at);
    pixels[at + 3] = 255 * Math.abs(clipped) ** 0.75;
  };

  const paint = (canvas, cells, limit) => {
    canvas.width = cells.width;
    canvas.height = cells.height;
    const image = new ImageData(cells.width, cells.height);
    cells.values.forEach((value, i) => shade(image.data, 4 * i, limit ? value / limit : 0));
    canvas.getContext("2d").putImageData(image, 0, 0);
  };

  const say = (number) => Number(number.toPrecision(3)).toString();

  const paintMaps = (maps) => {
    const drawn = maps.map((canvas) => [canvas, partOf(canvas), cellsOf(partOf(canvas))]);
    const shared = Math.max(...drawn.map(([, , cells]) => (cells.even ? cells.limit / cells.even : 0)));
    for (const [canvas, part, cells] of drawn) {
      const limit = state.scale === "own" ? cells.limit : shared * cells.even;
      canvas.classList.toggle("crisp", !part.smooth || part.regions > 0 || cells.width < 64);
      paint(canvas, cells, limit);
      const squares = part.regions ? ` for a ${part.form === "map" ? "region" : "segment"}` : cells.size > 1 ? ` per ${cells.size} × ${cells.size} px` : "";
      const sign = state.sign === "signed" ? "±" : "";
      const text = state.scale === "own" ? `${sign}${say(limit)}${squares}` : `${say(shared)} × an even spread`;
      canvas.closest(".frame").nextElementSibling.querySelector("output").textContent = limit
        ? `full colour at ${text}`
        : "every value is zero";
    }
  };

  const paintBars = (tables) => {
    const unit = (part) => (state.scale === "own" ? 1 : part.total || 1);
    const longest = (part) => Math.max(...part.bars.map((bar) => Math.abs(bar.value))) / unit(part);
    const shared = Math.max(...tables.map((table) => longest(partOf(table))));
    for (const table of tables) {
      const part = partOf(table);
      const limit = (state.scale === "own" ? longest(part) : shared) || 1;
      const signed = state.sign === "signed";
      const place = (value) => (signed ? 50 + 50 * value : 100 * value);
      Array.from(table.tBodies[0].rows).forEach((row, i) => {
        const bar = part.bars[i];
        const value = (signed ? bar.value : Math.abs(bar.value)) / unit(part) / limit;
        const rect = row.querySelector("rect");
        rect.setAttribute("class", bar.value < 0 ? "negative" : "positive");
        rect.setAttribute("x", `${place(Math.min(value, 0))}%`);
        rect.setAttribute("width", `${Math.abs(place(value) - place(0))}%`);
        const [zero, whisker] = row.querySelectorAll("line");
        for (const end of ["x1", "x2"]) zero.setAttribute(end, `${place(0)}%`);
        if (whisker) {
          const spread = bar.error / unit(part) / limit;
          const within = (end) => `${Math.max(0, Math.min(100, place(end)))}%`;
          whisker.setAttribute("x1", within(value - spread));
          whisker.setAttribute("x2", within(value + spread));
        }
        const shown = signed ? bar.value : Math.abs(bar.value);
        const told = (number) => (state.scale === "own" ? say(number) : `${((100 * number) / unit(part)).toFixed(1)}%`);
        row.querySelector(".value").textContent = told(shown);
        if (whisker) row.querySelector(".error").textContent = bar.error ? `± ${told(bar.error)}` : "";
      });
    }
  };

  // Words on the colour of their value, over white; the text is black or white, whichever can be read.
  const paintTexts = (texts) => {
    const unit = (part) => (state.scale === "own" ? 1 : part.total || 1);
    const longest = (part) => Math.max(0, ...part.values.map(Math.abs)) / unit(part);
    const shared = Math.max(...texts.map((text) => longest(partOf(text))));
    for (const text of texts) {
      const part = partOf(text);
      const limit = (state.scale === "own" ? longest(part) : shared) || 1;
      for (const word of text.querySelectorAll("[data-word]")) {
        const value = part.values[Number(word.dataset.word)];
        const pixel = new Uint8ClampedArray(4);
        shade(pixel, 0, value / unit(part) / limit);
        const [red, green, blue] = [0, 1, 2].map((at) => 255 + (pixel[at] - 255) * (pixel[3] / 255));
        word.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
        word.style.color = 0.299 * red + 0.587 * green + 0.114 * blue < 140 ? "#ffffff" : "#1d1d1f";
        word.title = state.scale === "own" ? say(value) : `${((100 * value) / unit(part)).toFixed(1)}%`;
      }
    }
  };

  // What stands side by side shares a scale: the same sample, target and leaf.
  const paintCard = (card) => {
    const open = (selector) => Array.from(card.querySelectorAll(`.method:not([hidden]) ${selector}[data-part]`));
    const leafOf = (element) => partOf(element).leaf;
    const rows = (all) => [...new Set(all.map(leafOf))].map((leaf) => all.filter((each) => leafOf(each) === leaf));
    rows(open("canvas")).forEach(paintMaps);
    rows(open("table")).forEach(paintBars);
    rows(open(".text")).forEach(paintTexts);
  };

  const paintLegend = () => {
    const legend = document.getElementById("legend");
    const signed = state.sign === "signed";
    const values = Float64Array.from({ length: legend.width }, (_, x) => {
      const share = x / (legend.width - 1);
      return signed ? 2 * share - 1 : share;
    });
    paint(legend, { width: values.length, height: 1, values }, 1);
    document.getElementById("low").textContent = signed ? "−" : "0";
    document.getElementById("high").textContent = signed ? "+" : "full colour";
  };

  // Cards are painted first when they come into view, so that a long report opens at once.
  const cards = Array.from(document.querySelectorAll(".card"));
  const painted = new Set();
  const visible = new Set();
  const refresh = () => {
    for (const card of visible) if (!painted.has(card)) painted.add(card) && paintCard(card);
  };
  // The others follow when there is nothing else to do: a picture of the whole page, or its print, lacks nothing.
  const whenIdle = window.requestIdleCallback ?? ((run) => setTimeout(run, 50));
  const paintRest = () => {
    const next = cards.find((card) => !painted.has(card));
    if (!next) return;
    painted.add(next);
    paintCard(next);
    whenIdle(paintRest);
  };
  const repaint = () => {
    painted.clear();
    paintLegend();
    refresh();
    whenIdle(paintRest);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) visible[entry.isIntersecting ? "add" : "delete"](entry.target);
      refresh();
    },
    { rootMargin: "400px" },
  );

  const fade = (position) => {
    const root = document.documentElement.style;
    root.setProperty("--heat", Math.min(1, 2 * position));
    root.setProperty("--photo", Math.min(1, 2 * (1 - position)));
  };

  const controls = document.querySelector(".controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", ({ target }) => {
    if (target.id === "fade") return fade(target.value / 100);
    if (target.id === "cells") state.across = Number(target.value);
    else state[target.name] = target.value;
    repaint();
  });
  controls.reset(); // browsers keep what was chosen before a reload
  state.sign = controls.querySelector("[name=sign]:checked").value;
  fade(document.getElementById("fade").value / 100);

  for (const card of cards) {
    const pictures = Array.from(card.querySelectorAll(".picture"));
    for (const photo of card.querySelectorAll(".frame img")) {
      const picture = pictures.find(({ dataset }) => dataset.leaf === photo.dataset.leaf);
      photo.src = picture.src;
      photo.classList.toggle("crisp", picture.classList.contains("crisp"));
      const size = ["width", "height"].map((side) => picture.getAttribute(side));
      photo.closest(".frame").style.setProperty("--ratio", size.join(" / "));
    }
    card.querySelector("select")?.addEventListener("input", ({ target }) => {
      for (const each of card.querySelectorAll("[data-target]")) each.hidden = each.dataset.target !== target.value;
      paintCard(card);
    });
    observer.observe(card);
  }
  addEventListener("beforeprint", () => cards.forEach(paintCard));
  paintLegend();
  whenIdle(paintRest);
})();
