// Our own icons: strokes on a grid of 24, drawn in the colour of the text around them.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  chat: [
    "M5 4.5h14A2.5 2.5 0 0 1 21.5 7v8a2.5 2.5 0 0 1-2.5 2.5h-6.2L8 21.2v-3.7H5A2.5 2.5 0 0 1 2.5 15V7A2.5 2.5 0 0 1 5 4.5z",
    "M7.5 9.3h9M7.5 12.9h5.5",
  ],
  close: ["M6 6l12 12M18 6L6 18"],
  down: ["M6 9l6 6 6-6"],
  fresh: [
    "M12 5H6.5A2.5 2.5 0 0 0 4 7.5v10A2.5 2.5 0 0 0 6.5 20h10a2.5 2.5 0 0 0 2.5-2.5V12",
    "M17.6 3.4a1.9 1.9 0 0 1 2.8 2.7L12.5 14 9 15l1-3.5z",
  ],
  send: ["M12 19V5M5.5 11.5L12 5l6.5 6.5"],
  stop: ["M8 8h8v8H8z"],
  copy: ["M9 9h10.5v10.5H9z", "M15 9V4.5H4.5V15H9"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  up: [
    "M7.5 20H4.5v-9.5h3z",
    "M7.5 10.5l4-7c1.5 0 2.5 1 2.5 2.5V9.5h4.6c1.3 0 2.2 1.2 1.9 2.4l-1.5 6.3c-.2 1.1-1.1 1.8-2.2 1.8H7.5",
  ],
  thumbDown: [
    "M16.5 4h3v9.5h-3z",
    "M16.5 13.5l-4 7c-1.5 0-2.5-1-2.5-2.5v-3.5H5.4c-1.3 0-2.2-1.2-1.9-2.4L5 5.8C5.2 4.7 6.1 4 7.2 4h9.3",
  ],
  retry: ["M19.5 12a7.5 7.5 0 1 1-2.3-5.4", "M19.5 3.5v4h-4"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M12 7.5V12l3 2"],
  alert: ["M12 4l9 15.5H3z", "M12 10v4.2M12 16.8v.2"],
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false", class: "icon" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  for (const line of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
