// Gets every message of {{topic}} at least once: whoever does the same twice should do no harm. When it throws, the
// message comes again: after 1 s, 2 s, 4 s, …
exports.process = async (message) => {
  console.log('{{topic}}', message);
};
