/** hash: board -> milliseconds since 1970; boards that the routes of Cache Quest have made, since when */
export const cacheQuestBoardsKey = (prefix: string) => `${prefix}:cache-quest-boards`;
