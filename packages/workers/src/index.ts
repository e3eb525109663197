export { type GroupOptions, startGroup } from './group.ts'
export type { Member, MemberContext, MemberServer } from './member.ts'
