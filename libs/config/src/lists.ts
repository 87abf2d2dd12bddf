/** For `@Transform`: what is separated by commas, or in a file by lines. */
export const list = ({ value }: { value: unknown }) =>
  typeof value === 'string'
    ? value
        .split(/[,\n]/)
        .map(item => item.trim())
        .filter(item => item !== '')
    : value;
