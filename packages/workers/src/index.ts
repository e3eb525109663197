// One server, several times over.
export { type GroupOptions, startGroup } from './group.ts'
export type { Member, MemberContext, MemberServer } from './member.ts'
// Functions on other threads.
export { WorkerPool } from './pool/worker-pool.ts'
export { move, type Moved, type RunOptions, type Task, type TaskFunction } from './pool/task.ts'
export { type WaitWhenFull, type WhenFull, workerPoolDefaults, type WorkerPoolOptions } from './pool/options.ts'
export type { Ending, WorkerPoolStats } from './pool/stats.ts'
