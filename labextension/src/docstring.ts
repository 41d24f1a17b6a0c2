// What a docstring says to somebody who starts the task: its fields are described by the form itself.

/** The first heading of a section: numpy's is underlined, Google's ends in a colon on a line of its own. */
const SECTION =
  /^(?:[A-Z][\w ]*\n-{3,}|(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?|Attributes):)[ \t]*$/m;

/** The text before the first section. */
export function proseOf(doc: string): string {
  const at = doc.search(SECTION);
  return (at < 0 ? doc : doc.slice(0, at)).trim();
}
