/** The item that an arrow key selects. */
import type { Rectangle } from "../../../server/src/lsp/protocol.ts";

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/**
 * The nearest item in the direction of the arrow; sideways distance is weighted three times. Undefined if there is no item
 * in that direction. From an item without position (a cluster), any arrow selects the first item with a position.
 */
export function nearest(places: readonly (Rectangle | undefined)[], from: number, arrow: Arrow): number | undefined {
  const here = places[from];
  if (!here) {
    const first = places.findIndex((place) => place !== undefined);
    return first < 0 ? undefined : first;
  }
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  places.forEach((place, index) => {
    if (!place || index === from) return;
    const [along, aside] = distance(here, place, arrow);
    if (along <= 0 || along + 3 * aside >= least) return;
    best = index;
    least = along + 3 * aside;
  });
  return best;
}

/** Measured from edge to edge, so a bar across the whole drawing is near everything below it. */
function distance(a: Rectangle, b: Rectangle, arrow: Arrow): readonly [along: number, aside: number] {
  const gapX = Math.max(0, b.x - (a.x + a.width), a.x - (b.x + b.width));
  const gapY = Math.max(0, b.y - (a.y + a.height), a.y - (b.y + b.height));
  const center = (place: Rectangle): readonly [number, number] => [
    place.x + place.width / 2,
    place.y + place.height / 2,
  ];
  const [ax, ay] = center(a);
  const [bx, by] = center(b);
  switch (arrow) {
    case "ArrowLeft":
      return [ax - bx, gapY];
    case "ArrowRight":
      return [bx - ax, gapY];
    case "ArrowUp":
      return [ay - by, gapX];
    case "ArrowDown":
      return [by - ay, gapX];
  }
}
