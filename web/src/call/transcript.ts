/**
 * The conversation as text, from `lk.transcription` streams and typed messages. Pure.
 *
 * A segment of the caller's speech arrives as a new stream for each interim, with the whole text and the
 * same segment id; a segment of the agent's speech is one stream of deltas. Both are treated alike here: a
 * line with an id whose text is replaced or grows until it is final.
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

/** Maximum lines kept, so that a call of hours does not grow the page without limit. The oldest are removed first. */
export const MAX_LINES = 400;

/** The transcript with `line` added, or replacing the line with the same id and speaker. */
export function put(transcript: Transcript, line: Line): Transcript {
  const at = transcript.findLastIndex((l) => l.id === line.id && l.who === line.who);
  const empty = line.text.trim() === "";
  if (at < 0) return empty ? transcript : [...transcript, line].slice(-MAX_LINES);
  // An interim that arrives after its final text is stale.
  if (transcript[at]!.final && !line.final) return transcript;
  if (empty && line.final) return transcript.toSpliced(at, 1);
  return transcript.with(at, line);
}

/** Closes every open line of `who`, after its speaker left or a stream broke off. Removes empty lines. */
export function settle(transcript: Transcript, who?: Speaker): Transcript {
  const open = (l: Line) => !l.final && (who === undefined || l.who === who);
  if (!transcript.some(open)) return transcript;
  return transcript
    .filter((l) => !(open(l) && l.text.trim() === ""))
    .map((l) => (open(l) ? { ...l, final: true } : l));
}
