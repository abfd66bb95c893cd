export const owner: string = 'the project';
