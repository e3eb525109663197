package main

import (
	"fmt"
	"hash/maphash"
	"sync"
)

func newStore(kind, keys string, entries int) store {
	switch kind + " " + keys {
	case "sync-map string":
		return newSyncMap(entries, func(key int) any { return stringKey(key) })
	case "sync-map integer":
		return newSyncMap(entries, func(key int) any { return integerKey(key) })
	case "rwmutex string":
		return newStringMap(entries)
	case "rwmutex integer":
		return newIntegerMap(entries)
	case "sharded string":
		return newStringShards(entries)
	case "sharded integer":
		return newIntegerShards(entries)
	}
	return nil
}

// Twelve bytes.
func stringKey(key int) string {
	return fmt.Sprintf("key-%08d", key)
}

// Apart from each other by an odd number.
func integerKey(key int) int64 {
	return int64(key) * 7919
}

func stringKeys(entries int) []string {
	keys := make([]string, entries)
	for key := range keys {
		keys[key] = stringKey(key)
	}
	return keys
}

func integerKeys(entries int) []int64 {
	keys := make([]int64, entries)
	for key := range keys {
		keys[key] = integerKey(key)
	}
	return keys
}

// sync.Map: keys are interface values before the clock starts; a value becomes one where it is stored, as it must.
type syncMap struct {
	keys    []any
	entries sync.Map
}

func newSyncMap(entries int, keyOf func(int) any) *syncMap {
	m := &syncMap{keys: make([]any, entries)}
	for key := range m.keys {
		m.keys[key] = keyOf(key)
		m.entries.Store(m.keys[key], int64(key))
	}
	return m
}

func (m *syncMap) batch(operations []uint32, stamp int64) (sum int64) {
	for _, operation := range operations {
		key := m.keys[operation&^writeBit]
		if operation&writeBit != 0 {
			m.entries.Store(key, stamp)
		} else if value, ok := m.entries.Load(key); ok {
			sum += value.(int64)
		}
	}
	return sum
}

func (m *syncMap) value(key int) (int64, bool) {
	value, ok := m.entries.Load(m.keys[key])
	if !ok {
		return 0, false
	}
	return value.(int64), true
}

// One read-write lock around one map.
type stringMap struct {
	keys    []string
	mutex   sync.RWMutex
	entries map[string]int64
}

func newStringMap(entries int) *stringMap {
	m := &stringMap{keys: stringKeys(entries), entries: make(map[string]int64, entries)}
	for at, key := range m.keys {
		m.entries[key] = int64(at)
	}
	return m
}

func (m *stringMap) batch(operations []uint32, stamp int64) (sum int64) {
	for _, operation := range operations {
		key := m.keys[operation&^writeBit]
		if operation&writeBit != 0 {
			m.mutex.Lock()
			m.entries[key] = stamp
			m.mutex.Unlock()
		} else {
			m.mutex.RLock()
			value := m.entries[key]
			m.mutex.RUnlock()
			sum += value
		}
	}
	return sum
}

func (m *stringMap) value(key int) (int64, bool) {
	value, ok := m.entries[m.keys[key]]
	return value, ok
}

type integerMap struct {
	keys    []int64
	mutex   sync.RWMutex
	entries map[int64]int64
}

func newIntegerMap(entries int) *integerMap {
	m := &integerMap{keys: integerKeys(entries), entries: make(map[int64]int64, entries)}
	for at, key := range m.keys {
		m.entries[key] = int64(at)
	}
	return m
}

func (m *integerMap) batch(operations []uint32, stamp int64) (sum int64) {
	for _, operation := range operations {
		key := m.keys[operation&^writeBit]
		if operation&writeBit != 0 {
			m.mutex.Lock()
			m.entries[key] = stamp
			m.mutex.Unlock()
		} else {
			m.mutex.RLock()
			value := m.entries[key]
			m.mutex.RUnlock()
			sum += value
		}
	}
	return sum
}

func (m *integerMap) value(key int) (int64, bool) {
	value, ok := m.entries[m.keys[key]]
	return value, ok
}

// Shards with a lock each.
const shardCount = 32

type stringShards struct {
	keys   []string
	seed   maphash.Seed
	shards [shardCount]struct {
		mutex   sync.RWMutex
		entries map[string]int64
		// So that two locks never lie in one cache line, nor in a pair of them that is fetched together.
		_ [128]byte
	}
}

func newStringShards(entries int) *stringShards {
	m := &stringShards{keys: stringKeys(entries), seed: maphash.MakeSeed()}
	for at := range m.shards {
		m.shards[at].entries = make(map[string]int64, entries/shardCount)
	}
	for at, key := range m.keys {
		m.shards[m.shard(key)].entries[key] = int64(at)
	}
	return m
}

func (m *stringShards) shard(key string) uint64 {
	return maphash.String(m.seed, key) % shardCount
}

func (m *stringShards) batch(operations []uint32, stamp int64) (sum int64) {
	for _, operation := range operations {
		key := m.keys[operation&^writeBit]
		shard := &m.shards[m.shard(key)]
		if operation&writeBit != 0 {
			shard.mutex.Lock()
			shard.entries[key] = stamp
			shard.mutex.Unlock()
		} else {
			shard.mutex.RLock()
			value := shard.entries[key]
			shard.mutex.RUnlock()
			sum += value
		}
	}
	return sum
}

func (m *stringShards) value(key int) (int64, bool) {
	value, ok := m.shards[m.shard(m.keys[key])].entries[m.keys[key]]
	return value, ok
}

type integerShards struct {
	keys   []int64
	shards [shardCount]struct {
		mutex   sync.RWMutex
		entries map[int64]int64
		_       [128]byte
	}
}

func newIntegerShards(entries int) *integerShards {
	m := &integerShards{keys: integerKeys(entries)}
	for at := range m.shards {
		m.shards[at].entries = make(map[int64]int64, entries/shardCount)
	}
	for at, key := range m.keys {
		m.shards[shardOf(key)].entries[key] = int64(at)
	}
	return m
}

// The upper bits of a product: cheaper for integers than maphash, and as even.
func shardOf(key int64) uint64 {
	return uint64(key) * 0x9e3779b97f4a7c15 >> 59
}

func (m *integerShards) batch(operations []uint32, stamp int64) (sum int64) {
	for _, operation := range operations {
		key := m.keys[operation&^writeBit]
		shard := &m.shards[shardOf(key)]
		if operation&writeBit != 0 {
			shard.mutex.Lock()
			shard.entries[key] = stamp
			shard.mutex.Unlock()
		} else {
			shard.mutex.RLock()
			value := shard.entries[key]
			shard.mutex.RUnlock()
			sum += value
		}
	}
	return sum
}

func (m *integerShards) value(key int) (int64, bool) {
	value, ok := m.shards[shardOf(m.keys[key])].entries[m.keys[key]]
	return value, ok
}
