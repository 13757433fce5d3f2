/** Builds DOM nodes. Text is only ever inserted as text nodes: words of callers and models are never HTML. */

type Attributes = Record<string, string | boolean | EventListener>;
type Child = Node | string;

/** Creates an element; attributes that are functions become listeners, and `false` omits an attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Stroked 24×24 icons, drawn for this project. */
const ICONS = {
  wave: "M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4",
  microphone: "M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5.4a2.8 2.8 0 0 0 5.6 0V6.3A2.8 2.8 0 0 0 12 3.5ZM5.8 11.5a6.2 6.2 0 0 0 12.4 0M12 17.7v2.8",
  microphoneOff: "M14.8 12V6.3a2.8 2.8 0 0 0-5.3-1.2M9.2 9.4v2.3a2.8 2.8 0 0 0 4.4 2.3M5.8 11.5a6.2 6.2 0 0 0 9.9 5M18.1 12.5c.1-.3.1-.7.1-1M12 17.7v2.8M4.5 3.5l15 17",
  hangUp: "M3.6 14.6c-.9-1-.8-2.6.3-3.5 4.7-3.9 11.5-3.9 16.2 0 1.1.9 1.2 2.5.3 3.5l-.8.9c-.5.5-1.3.6-1.9.2l-2-1.3c-.5-.3-.7-.8-.7-1.4v-1.4a10 10 0 0 0-6 0V13c0 .6-.3 1.1-.7 1.4l-2 1.3c-.6.4-1.4.3-1.9-.2Z",
  settings: "M4 8h8M17 8h3M4 16h3M12 16h8M14.5 5.8v4.4M9.5 13.8v4.4",
  minimise: "M6 9.5l6 6 6-6",
  send: "M12 19.5V5M6 10.5 12 4.7l6 5.8",
  sound: "M4.5 9.8v4.4h3l4.2 3.6V6.2L7.5 9.8ZM15.3 9a4.2 4.2 0 0 1 0 6M17.8 6.5a7.8 7.8 0 0 1 0 11",
} as const;

export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Sets text only if it changed, so that nothing is announced or laid out twice. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Seconds as m:ss or h:mm:ss. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const pad = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60) % 60;
  const hours = Math.floor(s / 3600);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(s % 60)}` : `${minutes}:${pad(s % 60)}`;
}
