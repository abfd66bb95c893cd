'use strict';
// Words that messages share: what a value is, how many bytes, and which name was probably meant.

/** What a value is, for a sentence that says what it should have been. */
function kindOf(value) {
  switch (typeof value) {
    case 'string':
      return `the string ${JSON.stringify(value.slice(0, 40))}`;
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}

const bytes = (count) => `${count.toLocaleString('en-US')} bytes`;

/** `there is no topic 'a'; did you mean 'b'? The project's topics: b, c` */
function unknown(subject, name, those, names) {
  const nearest = meant(name, names);
  const asked = nearest ? `; did you mean '${nearest}'?` : '.';
  const listed =
    names.length > 50 ? `${names.slice(0, 50).join(', ')} and ${names.length - 50} more` : names.join(', ');
  return `${subject} '${name}'${asked} ${those}: ${listed}`;
}

/** Which of the names is near enough to be what was meant: at most so many letters away. */
function meant(name, names, most = Math.max(2, name.length / 3)) {
  const far = (other) => distance(name, other);
  const [nearest] = [...names].sort((one, other) => far(one) - far(other));
  return nearest !== undefined && far(nearest) <= most ? nearest : undefined;
}

/** Levenshtein's: how many letters to add, drop or change to make `a` of `b`, whatever their case. */
function distance(a, b) {
  [a, b] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

module.exports = { bytes, kindOf, meant, unknown };
