// Profiles
export { type Profile, type ProfileOptions, Profiler, type ProfilerOptions } from './profiler.ts'
export { type ProfileKind, profileLimits } from './options.ts'
export type { FunctionCost } from './costs.ts'
export type { FrameKind, Place } from './places.ts'
export { profileName, writeProfile } from './files.ts'
export { profileReport, type ReportedProfile, type ReportOptions } from './report.ts'

// The collector
export { type GcTrace, GcTracer, type RunningGcTrace } from './gc/tracer.ts'
export type { Collection, CollectionKind } from './gc/collection.ts'
export { gcTimeline, traceEvents } from './gc/formats.ts'

// In a worker thread
export { lendThread } from './lent-thread.ts'

// Figures per request
export { type AllocationFigures, AllocationWatch } from './allocations.ts'
export { RequestCount, type RequestCountOptions, type RequestWindow } from './request-count.ts'

// Pages of the admin port
export { type DebugPages, debugPages, type DebugPagesOptions } from './pages.ts'
