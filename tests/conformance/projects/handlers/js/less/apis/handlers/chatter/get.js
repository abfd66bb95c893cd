exports.process = async ({ query }) => {
  for (let n = 0; n < Number(query.lines); n += 1) console.log('line', n);
  if (query.long) console.log('x'.repeat(Number(query.long)));
};
