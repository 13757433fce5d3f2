/**
 * The conversation as text, from `lk.transcription` streams and typed messages. Pure.
 *
 * A segment of the caller's speech comes as a new stream for each interim, with the whole text and
 * the same segment id; a segment of the agent's speech is one stream of deltas. Both are the same
 * thing here: a line with an id whose text is set or grows until it is final.
 */

export type Speaker = "caller" | "agent";

export interface Line {
  /** Segment id; unique within a call and speaker. */
  id: string;
  who: Speaker;
  text: string;
  final: boolean;
  /** Typed into the text box, not spoken. */
  typed: boolean;
}

export type Transcript = readonly Line[];

/** Lines kept; a call of hours must not grow the page without end. The oldest go first. */
export const MAX_LINES = 400;

/** The transcript with `line` added, or put in place of the one with its id and speaker. */
export function put(transcript: Transcript, line: Line): Transcript {
  const at = transcript.findLastIndex((l) => l.id === line.id && l.who === line.who);
  const empty = line.text.trim() === "";
  if (at < 0) return empty ? transcript : [...transcript, line].slice(-MAX_LINES);
  // An interim that overtakes its final one is stale.
  if (transcript[at]!.final && !line.final) return transcript;
  if (empty && line.final) return transcript.toSpliced(at, 1);
  return transcript.with(at, line);
}

/** Every open line of `who` closed: its speaker left or a stream broke off. Empty ones go. */
export function settle(transcript: Transcript, who?: Speaker): Transcript {
  const open = (l: Line) => !l.final && (who === undefined || l.who === who);
  if (!transcript.some(open)) return transcript;
  return transcript
    .filter((l) => !(open(l) && l.text.trim() === ""))
    .map((l) => (open(l) ? { ...l, final: true } : l));
}
