exports.process = async () => {
  console.log('to standard output', { deep: [1] });
  console.error('to standard error');
  process.stderr.write('in two ');
  process.stderr.write('parts\n');
};
