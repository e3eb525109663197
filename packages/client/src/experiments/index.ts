export { type IdleServer, type IdleServerOptions, startIdleServer } from './idle-server.ts'
export { layLine, type Line } from './line.ts'
export { resetRace, type ResetRaceOptions, type ResetRaceResult } from './reset-race.ts'
export { type CyclesOptions, type CyclesResult, type CyclesSubject, runCycles } from './cycles.ts'
