/** UTF-16 offsets in a text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}
