/** What a request has, in milliseconds, where its client names nothing; and what it may name. */
export const requestBudgetMs = 1_000
export const requestBudgetMsMax = 10_000
/** A call to the authentication service never takes more of it than this. */
export const authBudgetMs = 500
/**
 * What each hop keeps back for itself of what it hands on: time to say that the other one has taken too long, while somebody still
 * listens.
 */
export const reserveMs = 20
