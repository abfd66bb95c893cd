export const deep: string = 'from below';
