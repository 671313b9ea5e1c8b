import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** Colours of a plot, asked for at each drawing, since the theme may have changed. */
export interface Look {
  line: string;
  wash: string;
  limit: string;
  grid: string;
  words: string;
}
export interface Options {
  look: () => Look;
  format: (value: number) => string; // for the axis
  least: number; // the axis shows at least this much, so that noise does not look like a mountain
  onhover: (index: number | null) => void;
}
export interface Plot {
  set(at: number[], values: (number | null)[], limit: number | undefined): void;
  resize(): void;
  redraw(): void;
  destroy(): void;
}

const HEIGHT = 132;
const SHORTEST = 60; // s; a young stream fills a minute, an old one the ten minutes there are
const clock = (s: number) => new Date(s * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

/** Draws one line over time into host, and a dashed one at the limit. This is the only file that knows uPlot; import it lazily. */
export function plot(host: HTMLElement, o: Options): Plot {
  const font = `11px ${getComputedStyle(host).fontFamily}`;
  const axis = { stroke: () => o.look().words, font, ticks: { show: false }, gap: 6 };
  const u = new uPlot(
    {
      width: host.clientWidth || 300,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: "graphs" } },
      scales: {
        x: { range: (_, from, to) => [Math.min(from, to - SHORTEST), to] },
        y: { range: (_, _low, high) => [0, Math.max(o.least, (high ?? 0) * 1.12)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 22, space: 72, values: (_, at) => at.map(clock) },
        { ...axis, grid: { stroke: () => o.look().grid, width: 1 }, size: 58, space: 34, values: (_, at) => at.map((v) => o.format(v)) },
      ],
      series: [
        {},
        { stroke: () => o.look().line, fill: () => o.look().wash, width: 1.75, points: { show: false } },
        { stroke: () => o.look().limit, width: 1.25, dash: [5, 4], points: { show: false } },
      ],
      hooks: { setCursor: [(self) => o.onhover(self.cursor.idx ?? null)] },
    },
    [[], [], []],
    host,
  );
  return {
    set: (at, values, limit) => u.setData([at, values, at.map(() => limit ?? null)]),
    resize: () => u.setSize({ width: host.clientWidth, height: HEIGHT }),
    redraw: () => u.redraw(),
    destroy: () => u.destroy(),
  };
}
