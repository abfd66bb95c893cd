export default 'models';
