/** A chart over time, drawn by uPlot: bars on top of one another where numbers add up, lines where they do not. */

/* global uPlot */

import { colour, colours, ground } from "./colours.js";
import { timeTicks, written } from "./numbers.js";

const HEIGHT = 190;
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
/** A pointer that moved less than this wanted to click. */
const CLICK_PX = 6;

/**
 * @typedef {object} Frame what all charts of a view share
 * @property {number[]} buckets starts of the buckets, unix seconds
 * @property {number} bucketS
 */

/**
 * @typedef {object} Listeners
 * @property {(index: number | null) => void} point the pointer is over this bucket
 * @property {(index: number, series: number | null) => void} open this bucket was clicked, on this series
 * @property {(from: number, to: number) => void} zoom these buckets were drawn over
 */

/** One drawing. It takes newer numbers of the same series without being made anew, so a pointer over it stays. */
export class Plot {
  /**
   * @param {HTMLElement} box empty, as wide as the drawing is to be
   * @param {any} chart
   * @param {Frame} frame
   * @param {boolean[]} shown which series
   * @param {Listeners} listeners
   */
  constructor(box, chart, frame, shown, listeners) {
    this.stacked = chart.kind === "stacked";
    this.shown = shown;
    this.unit = chart.unit;
    this.listeners = listeners;
    this.take(chart, frame);
    const names = colours(chart, chart.data.series);
    const series = this.order.map((index) => (this.stacked ? bar(names[index]) : line(names[index], this, index)));
    this.drawn = new uPlot({ width: wide(box), ...this.options(), series: [{}, ...series] }, this.data(), box);
    this.hearClicks();
  }

  /** @param {any} chart of the same series @param {Frame} frame */
  update(chart, frame) {
    this.take(chart, frame);
    this.drawn.setData(this.data());
  }

  /** @param {HTMLElement} box */
  fit(box) {
    this.drawn.setSize({ width: wide(box), height: HEIGHT });
  }

  /** Again, in the colours of now. */
  paint() {
    this.drawn.redraw(false, true);
  }

  end() {
    this.drawn.destroy();
  }

  /** @param {any} chart @param {Frame} frame */
  take(chart, frame) {
    this.frame = frame;
    const { series } = chart.data;
    Object.assign(this, this.stacked ? stack(series, this.shown) : lines(series));
  }

  data() {
    const { buckets, bucketS } = this.frame;
    return [buckets.map((at) => at + bucketS / 2), ...this.order.map((index) => this.columns[index])];
  }

  options() {
    const ends = () => [this.frame.buckets[0], this.frame.buckets[this.frame.buckets.length - 1] + this.frame.bucketS];
    const { listeners, unit } = this;
    return {
      height: HEIGHT,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      scales: { x: { range: ends }, y: { range: (_, __, most) => [0, top(most, unit)] } },
      axes: [
        { ...axis(), grid: { show: false }, space: 56, size: 26, values: (_, splits, __, ___, step) => timeTicks(splits, step) },
        { ...axis(), ticks: { show: false }, size: 58, space: 36, values: (_, splits) => splits.map((at) => tick(at, unit)) },
      ],
      cursor: {
        sync: { key: "time" },
        points: this.stacked ? { show: false } : { size: 7 },
        drag: { x: true, y: false, setScale: false },
        y: false,
      },
      hooks: {
        setCursor: [(self) => listeners.point(self.cursor.left >= 0 ? self.cursor.idx : null)],
        setSelect: [(self) => this.zoom(self)],
      },
    };
  }

  /** @param {any} self */
  zoom(self) {
    const { left, width } = self.select;
    if (width < CLICK_PX) return;
    const [from, to] = [self.posToIdx(left), self.posToIdx(left + width)];
    self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to > from) this.listeners.zoom(from, to);
  }

  hearClicks() {
    let down = null;
    this.drawn.over.addEventListener("mousedown", (event) => { down = event.clientX; });
    this.drawn.over.addEventListener("click", (event) => {
      const { idx } = this.drawn.cursor;
      if (down === null || Math.abs(event.clientX - down) >= CLICK_PX || typeof idx !== "number") return;
      this.listeners.open(idx, this.stacked ? this.hit(idx) : null);
    });
  }

  /**
   * The series whose bar is under the pointer.
   * @param {number} idx
   */
  hit(idx) {
    const at = this.drawn.posToVal(this.drawn.cursor.top, "y");
    const found = this.columns.findIndex((each, index) => this.shown[index] && (each[idx] ?? 0) >= at);
    return found < 0 ? null : found;
  }
}

/** @param {HTMLElement} box */
function wide(box) {
  return Math.max(200, box.clientWidth);
}

/**
 * Each series on top of those before it. The highest is drawn first, so that the lower ones cover it.
 * @param {any[]} series
 * @param {boolean[]} shown
 */
function stack(series, shown) {
  const sum = series.length ? series[0].values.map(() => 0) : [];
  const columns = series.map((each, index) => {
    each.values.forEach((value, place) => { sum[place] += shown[index] ? value : 0; });
    // Nothing is no bar, not one of no height: its edge would be drawn.
    return each.values.map((value, place) => (shown[index] && value ? sum[place] : null));
  });
  return { columns, order: series.map((_, index) => index).filter((index) => shown[index]).reverse() };
}

/** @param {any[]} series */
function lines(series) {
  return { columns: series.map((each) => each.values), order: series.map((_, index) => index) };
}

/** @param {string} name */
function bar(name) {
  return {
    fill: () => colour(name),
    stroke: () => ground("paper"),
    width: 1,
    paths: uPlot.paths.bars({ size: [0.86, 48] }),
    points: { show: false },
  };
}

/**
 * @param {string} name
 * @param {Plot} owner whose numbers change
 * @param {number} index
 */
function line(name, owner, index) {
  return {
    show: owner.shown[index],
    stroke: () => colour(name),
    width: name === "p50" ? 2 : 1.5,
    dash: name === "p99" ? [5, 3] : undefined,
    spanGaps: false,
    // A bucket between two gaps has no line to be part of.
    points: { show: false, size: 5, fill: () => colour(name), filter: () => lonely(owner.columns[index]) },
  };
}

/** @param {(number | null)[]} values */
function lonely(values) {
  const gap = (at) => (values[at] ?? null) === null;
  const found = values.map((_, at) => at).filter((at) => !gap(at) && gap(at - 1) && gap(at + 1));
  return found.length ? found : null;
}

function axis() {
  return {
    stroke: () => ground("ink-2"),
    font: FONT,
    grid: { stroke: () => ground("line"), width: 1 },
    ticks: { stroke: () => ground("line"), width: 1, size: 4 },
    gap: 6,
  };
}

/**
 * @param {number | null} most
 * @param {string} unit
 */
function top(most, unit) {
  if (unit === "share") return 1;
  return most ? most * 1.08 : 1;
}

/**
 * @param {number} at
 * @param {string} unit
 */
function tick(at, unit) {
  if ((unit === "count" || unit === "tokens") && !Number.isInteger(at)) return "";
  return at === 0 ? "0" : written(at, unit);
}
