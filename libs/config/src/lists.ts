/** For `@Transform`: what is separated by commas. */
export const list = ({ value }: { value: unknown }) =>
  typeof value === 'string'
    ? value
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '')
    : value;
