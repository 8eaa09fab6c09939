import { writeFile } from "node:fs/promises";
import type { Table } from "./results.ts";

const [WIDTH, HEIGHT] = [720, 380];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 190, 36, 48];
const COLOURS = ["#1f5f4a", "#b3541e", "#3b5b92", "#7a3b69", "#8a7a1f", "#444"];

interface Line {
  readonly name: string;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
}

/** Draws figures over how much there is, both axes by powers of ten: flat is flat. */
export async function plot(file: URL, title: string, { x, y, lines }: { x: string; y: string; lines: readonly Line[] }): Promise<void> {
  const all = lines.flatMap(({ points }) => points);
  const range = (values: number[]): [number, number] => [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const [x0, x1] = range(all.map(([at]) => at));
  const [y0, y1] = range(all.map(([, value]) => value));
  const px = (value: number): number => LEFT + ((Math.log10(value) - x0) / Math.max(1, x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const py = (value: number): number => HEIGHT - BOTTOM - ((Math.log10(value) - y0) / Math.max(1, y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const text = (at: readonly [number, number], words: string, more = ""): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${words}</text>`;
  const grid: string[] = [];
  for (let power = x0; power <= x1; power++) {
    const at = px(10 ** power);
    grid.push(
      `<line x1="${at}" y1="${TOP}" x2="${at}" y2="${HEIGHT - BOTTOM}"/>`,
      text([at, HEIGHT - BOTTOM + 18], (10 ** power).toLocaleString("en"), 'text-anchor="middle"'),
    );
  }
  for (let power = y0; power <= y1; power++) {
    const at = py(10 ** power);
    grid.push(
      `<line x1="${LEFT}" y1="${at}" x2="${WIDTH - RIGHT}" y2="${at}"/>`,
      text([LEFT - 8, at + 4], (10 ** power).toLocaleString("en"), 'text-anchor="end"'),
    );
  }
  const drawn = lines.map(({ name, points }, at) => {
    const colour = COLOURS[at % COLOURS.length];
    const dots = points.map(([a, b]) => `<circle cx="${px(a).toFixed(1)}" cy="${py(b).toFixed(1)}" r="3.5" fill="${colour}"/>`).join("");
    const path = points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" ");
    const legend = `<rect x="${WIDTH - RIGHT + 14}" y="${TOP + at * 22}" width="12" height="12" fill="${colour}"/>${text([WIDTH - RIGHT + 32, TOP + at * 22 + 10], name)}`;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}${legend}`;
  });
  await writeFile(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="${title}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<g stroke="#ddd" fill="#333" stroke-width="1">${grid.join("").replaceAll("<text ", '<text stroke="none" ')}</g>
${text([LEFT, 20], title, 'font-weight="bold"')}
${text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8], x, 'text-anchor="middle"')}
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${y}</text>
${drawn.join("\n")}
</svg>
`,
  );
}

/** Lines of a table whose rows are named "line, so many things". */
export function linesOf({ rows }: Table, figure: string): Line[] {
  const lines = new Map<string, Array<readonly [number, number]>>();
  for (const { name, figures } of rows) {
    const [, line = name, count] = /^(.*), (\d+) /.exec(name) ?? [];
    const value = figures[figure];
    if (count === undefined || value === undefined || !(value > 0)) continue;
    lines.set(line, [...(lines.get(line) ?? []), [Number(count), value]]);
  }
  return [...lines].map(([name, points]) => ({ name, points }));
}
