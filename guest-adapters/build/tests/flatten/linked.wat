;; What componentize-py links, in small: a module `env` with memory, table and
;; bases; libraries that share them; a shim and a fixup around a function that
;; needs the memory. Library b takes data and functions of a, and calls through
;; the table.
(component
  (import "log" (func $log (param "text" string)))
  (import "now" (func $now (result u32)))
  (import "thing" (type $thing (sub resource)))
  (import "count-up" (func $count-up (param "by" u32) (result u32)))

  (core module $env
    (table (export "__indirect_function_table") 8 funcref)
    (memory (export "memory") 1)
    (global (export "__stack_pointer") (mut i32) (i32.const 960))
    (global (export "__stack_low") i32 (i32.const 0))
    (global (export "__stack_high") i32 (i32.const 1024))
    (global (export "a:memory_base") i32 (i32.const 2048))
    (global (export "a:table_base") i32 (i32.const 1))
    (global (export "b:memory_base") i32 (i32.const 4096))
    (global (export "b:table_base") i32 (i32.const 3))
    (global (export "a:message") (mut i32) (i32.const 2052))
    (data (i32.const 900) "dead stack") (data (i32.const 960) "live stack"))

  (core module $shim
    (type $log (func (param i32 i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (type $log)
      (call_indirect (type $log) (local.get 0) (local.get 1) (i32.const 0))))

  (core module $a
    (import "env" "memory" (memory 1))
    (import "env" "__indirect_function_table" (table 1 funcref))
    (import "env" "__memory_base" (global $memory_base i32))
    (import "env" "__table_base" (global $table_base i32))
    (import "env" "__stack_pointer" (global $stack (mut i32)))
    (import "host" "log" (func $log (param i32 i32)))
    (import "host" "now" (func $now (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (type $unary (func (param i32) (result i32)))
    ;; 12 + base, by an extended constant expression.
    (global $counter i32 (i32.add (global.get $memory_base) (i32.const 12)))
    (global $next (mut i32) (i32.const 8192))
    (data (i32.add (global.get $memory_base) (i32.const 4)) "hi, it's")
    (data (i32.sub (i32.add (global.get $memory_base) (i32.const 14)) (i32.const 2)) "\07\00\00\00")
    (elem (global.get $table_base) func $double)
    (elem (i32.add (global.get $table_base) (i32.const 1)) func $increase)
    (elem declare func $double)
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $increase (export "increase") (type $unary)
      (i32.store (global.get $counter) (i32.add (i32.load (global.get $counter)) (local.get 0)))
      (i32.load (global.get $counter)))
    (func (export "say") (param i32 i32)
      (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
      (call $log (local.get 0) (local.get 1))
      (global.set $stack (i32.add (global.get $stack) (i32.const 16))))
    (func (export "time") (result i32) (call $now))
    (func (export "release") (param i32) (call $drop (local.get 0)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (local i32)
      (local.set 4 (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get 3)))
      (local.get 4)))

  (core module $b
    (import "env" "memory" (memory 1))
    (import "env" "__indirect_function_table" (table 1 funcref))
    (import "env" "__memory_base" (global $memory_base i32))
    (import "env" "__table_base" (global $table_base i32))
    (import "GOT.mem" "message" (global $message (mut i32)))
    (import "a" "increase" (func $increase (param i32) (result i32)))
    (import "a" "say" (func $say (param i32 i32)))
    (import "a" "time" (func $time (result i32)))
    (import "host" "count-up" (func $count-up (param i32) (result i32)))
    (type $unary (func (param i32) (result i32)))
    (type $other (func (param i64) (result f64)))
    (global $factor f64 (f64.const 2.5))
    (global i64 (i64.const -9))
    (data (global.get $memory_base) "text of b")
    (elem (global.get $table_base) func $square $increase)
    (func $square (type $unary) (i32.mul (local.get 0) (local.get 0)))
    (func $unused (type $other) (f64.mul (f64.convert_i64_s (local.get 0)) (global.get $factor)))
    (func (export "run") (param i32) (result i32)
      (call $say (global.get $message) (i32.const 8))
      (i32.add
        (i32.add
          (call_indirect (type $unary) (local.get 0) (i32.const 1))    ;; double, of a
          (call_indirect (type $unary) (local.get 0) (global.get $table_base)))  ;; square
        (i32.add
          (call_indirect (type $unary) (local.get 0) (i32.add (global.get $table_base) (i32.const 1))) ;; increase
          (i32.add (call $time) (call $count-up (local.get 0))))))
    (func (export "describe") (result i32)
      (i32.store (i32.const 512) (global.get $memory_base))
      (i32.store (i32.const 516) (i32.const 9))
      (i32.const 512))
    (func (export "described") (param i32)
      (drop (call $increase (i32.const 1000)))))

  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func 0))

  (core instance $env (instantiate $env))
  (core instance $shim (instantiate $shim))
  (alias core export $env "memory" (core memory $memory))
  (alias core export $env "__indirect_function_table" (core table $table))
  (alias core export $env "__stack_pointer" (core global $stack))
  (alias core export $env "a:memory_base" (core global $a-memory))
  (alias core export $env "a:table_base" (core global $a-table))
  (alias core export $env "b:memory_base" (core global $b-memory))
  (alias core export $env "b:table_base" (core global $b-table))
  (alias core export $env "a:message" (core global $message))
  (core func $now (canon lower (func $now)))
  (core func $drop (canon resource.drop $thing))
  (core func $count-up (canon lower (func $count-up)))
  (core instance $a-env
    (export "memory" (memory $memory)) (export "__indirect_function_table" (table $table))
    (export "__memory_base" (global $a-memory)) (export "__table_base" (global $a-table))
    (export "__stack_pointer" (global $stack)))
  (core instance $a-host
    (export "log" (func $shim "0")) (export "now" (func $now)) (export "drop" (func $drop)))
  (core instance $a (instantiate $a (with "env" (instance $a-env)) (with "host" (instance $a-host))))
  (core instance $b-env
    (export "memory" (memory $memory)) (export "__indirect_function_table" (table $table))
    (export "__memory_base" (global $b-memory)) (export "__table_base" (global $b-table)))
  (core instance $b-got (export "message" (global $message)))
  (core instance $b-host (export "count-up" (func $count-up)))
  (core instance $b (instantiate $b
    (with "env" (instance $b-env)) (with "GOT.mem" (instance $b-got)) (with "a" (instance $a))
    (with "host" (instance $b-host))))
  (alias core export $shim "$imports" (core table $imports))
  (core func $log (canon lower (func $log) (memory $memory)))
  (core instance $to-fix (export "0" (func $log)) (export "$imports" (table $imports)))
  (core instance (instantiate $fixup (with "" (instance $to-fix))))

  (func (export "run") (param "x" u32) (result u32) (canon lift (core func $b "run")))
  (func (export "describe") (result string)
    (canon lift (core func $b "describe") (memory $memory) (realloc (core func $a "cabi_realloc"))
      (post-return (core func $b "described"))))
  (func (export "release") (param "it" (own $thing)) (canon lift (core func $a "release"))))
