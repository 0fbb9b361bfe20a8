/**
 * Splits a command as a POSIX shell does, with quotes and backslashes and nothing else: no variables, no patterns.
 *
 * @returns undefined for a quote that is not closed, or no word at all.
 */
export function splitCommand(text: string): readonly [string, ...string[]] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== undefined && character === quote) quote = undefined;
    else if (quote === "'") word += character;
    else if (character === '\\' && (quote === undefined || '"\\$`'.includes(text.charAt(at + 1)))) {
      word = (word ?? '') + text.charAt(++at);
    } else if (quote === '"') word += character;
    else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  const [first, ...rest] = words;
  return quote !== undefined || first === undefined ? undefined : [first, ...rest];
}
