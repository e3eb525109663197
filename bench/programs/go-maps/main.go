// What Go programs use as a map of many goroutines, measured as bench/programs/shared-map.ts measures ours: the same keys, the
// same sequence of operations for each thread, the same two lines at the end. --kind sync-map, rwmutex or sharded.
//
// Everything is prepared before the clock starts: keys are strings, integers or, for sync.Map, interface values already; the
// loops are written out for each kind and key type, since generic code would reach a map by its slow path.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A map with all keys in it.
type store interface {
	// Does operations, in their order: a read adds the value to the sum that is returned, a write sets `stamp`.
	batch(operations []uint32, stamp int64) int64
	// The value of a key, by its number.
	value(key int) (int64, bool)
}

const (
	// Between two looks at the clock.
	batchSize = 1024
	// Batch times that are kept of each thread, the latest ones.
	timesMax = 4096
)

type worker struct {
	operations []uint32
	done       atomic.Int64
	times      [timesMax]int64
	batches    int
	sum        int64
	// So that no two workers count in one cache line.
	_ [64]byte
}

func (w *worker) run(of store, measuring, stop *atomic.Bool) {
	counted := false
	last := time.Now()
	for at := 0; !stop.Load(); at = (at + batchSize) % len(w.operations) {
		w.sum += of.batch(w.operations[at:at+batchSize], int64(at))
		w.done.Add(batchSize)
		now := time.Now()
		w.times[w.batches%timesMax] = now.Sub(last).Nanoseconds()
		w.batches++
		if !counted && measuring.Load() {
			// Only batches that were measured from their beginning count.
			counted = true
			w.batches = 0
		}
		last = now
	}
}

func main() {
	kind := flag.String("kind", "", "sync-map, rwmutex or sharded")
	keys := flag.String("keys", "string", "string or integer")
	distribution := flag.String("distribution", "uniform", "uniform or zipf")
	reads := flag.Int("reads", 90, "per cent")
	threads := flag.Int("threads", 2, "")
	entries := flag.Int("entries", 100_000, "")
	warmup := flag.Float64("warmup", 0, "seconds")
	seconds := flag.Float64("seconds", 1, "seconds")
	flag.Parse()

	of := newStore(*kind, *keys, *entries)
	if of == nil {
		log.Fatalf("--kind %s with --keys %s is none of sync-map, rwmutex, sharded with string, integer", *kind, *keys)
	}
	for key := range *entries {
		if found, ok := of.value(key); !ok || found != int64(key) {
			log.Fatalf("nothing is measured: key %d has the value %d", key, found)
		}
	}
	workers := make([]*worker, *threads)
	for thread := range workers {
		workers[thread] = &worker{operations: sequence(thread, *entries, *reads, *distribution)}
	}

	operationsPrint := fingerprint(workers)

	var measuring, stop atomic.Bool
	var running sync.WaitGroup
	for _, w := range workers {
		running.Go(func() { w.run(of, &measuring, &stop) })
	}
	done := func() (sum int64) {
		for _, w := range workers {
			sum += w.done.Load()
		}
		return sum
	}
	time.Sleep(time.Duration(*warmup * 1e9))
	fmt.Println(`{"event":"measuring"}`)
	measuring.Store(true)
	before, start := done(), time.Now()
	time.Sleep(time.Duration(*seconds * 1e9))
	operations, elapsed := done()-before, time.Since(start)
	stop.Store(true)
	running.Wait()

	var times []int64
	sum := int64(0)
	for _, w := range workers {
		times = append(times, w.times[:min(w.batches, timesMax)]...)
		sum += w.sum
	}
	slices.Sort(times)
	p99 := 0.0
	if len(times) > 0 {
		p99 = float64(times[len(times)*99/100]) / batchSize
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"event": "measured", "requests": operations, "errors": 0, "elapsedS": elapsed.Seconds(),
		"figures": map[string]any{
			"nsPerOperation":    float64(elapsed.Nanoseconds()) / float64(operations),
			"nsPerOperationP99": p99,
			"sequence":          operationsPrint,
			"sum":               uint32(sum),
		},
	}); err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}

// The same of two programs means: they did the same operations.
func fingerprint(workers []*worker) uint32 {
	print := uint32(0)
	for _, w := range workers {
		for _, operation := range w.operations {
			print = print*31 + operation
		}
	}
	return print
}
