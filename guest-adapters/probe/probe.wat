;; A guest that does what its script says, for tests of the host.
;;
;; The script is a row of letters, after `"source":"` in the request:
;;   o  print "out\n"                     O  print 1 MiB
;;   e  print "err\n" to standard error   v  return the value 42
;;   V  return what is no JSON            R  report the exception MemoryError
;;   x  end with exit code 5              E  emit a kind that does not exist
;;   c  submit a call of `t.echo`         n  submit a call of `t.never`
;;   b  submit bytes that are no request  q  submit an operation that does not exist
;;   C  call `t.echo` and block           k  cancel operation 1
;;   w  wait without a time of its own    W  wait for 1 ms
;;   p  print what the last wait or call answered
;;   a  hand out an artifact              P  report progress
;;   s  spin                              u  trap
;;   r  recurse without end               g  grow memory by 16 MiB, go on if refused
;;   G  grow memory until refused, then trap
;;   B  emit a value of 17 MiB            N  10,000 writes of nothing
;;   X  end with an exit code that is none
(component
  (import "wxmcp:guest/host@0.1.0" (instance $host
    (export "submit" (func (param "operation" u8) (param "payload" (list u8)) (result u64)))
    (export "cancel" (func (param "id" u64)))
    (export "emit" (func (param "kind" u8) (param "payload" (list u8))))))
  (import "wxmcp:guest/waiting@0.1.0" (instance $waiting
    (export "wait" (func (param "timeout-us" (option u64)) (result (list u8))))
    (export "call" (func (param "operation" u8) (param "payload" (list u8)) (result (list u8))))))

  (core module $Memory
    (memory (export "memory") 17)
    (global $top (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $top))
      (global.set $top (i32.add (global.get $top) (local.get 3)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ne (i32.const -1)
          (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536))))))
        unreachable)
      (local.get $at)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))

  (core func $submit (canon lower (func $host "submit") (memory $mem)))
  (core func $wait (canon lower (func $waiting "wait") (memory $mem) (realloc $realloc)))
  (core func $call (canon lower (func $waiting "call") (memory $mem) (realloc $realloc)))
  (core func $cancel (canon lower (func $host "cancel")))
  (core func $emit (canon lower (func $host "emit") (memory $mem)))

  (core module $Main
    (import "memory" "memory" (memory 17))
    (import "host" "submit" (func $submit (param i32 i32 i32) (result i64)))
    (import "host" "wait" (func $wait (param i32 i64 i32)))
    (import "host" "call" (func $call (param i32 i32 i32 i32)))
    (import "host" "cancel" (func $cancel (param i64)))
    (import "host" "emit" (func $emit (param i32 i32 i32)))
    (data (i32.const 0) "out\n")
    (data (i32.const 8) "err\n")
    (data (i32.const 16) "42")
    (data (i32.const 24) "{\"code\":5}")
    (data (i32.const 64) "{\"name\":\"t.echo\",\"arguments\":{\"a\":1}}")
    (data (i32.const 128) "{\"name\":\"t.never\",\"arguments\":{}}")
    (data (i32.const 192) "{\"type\":\"MemoryError\",\"message\":\"\",\"traceback\":\"MemoryError\",\"line\":1}")
    (data (i32.const 320) "{\"kind\":\"text\",\"media_type\":\"text/plain\",\"data\":\"hi\"}")
    (data (i32.const 384) "{\"message\":\"half\",\"done\":1,\"total\":2}")
    (data (i32.const 448) "\"source\":\"")
    (func $recurse (param i32) (result i32)
      (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    ;; Where the script begins: just behind `"source":"`.
    (func $find (param $at i32) (result i32)
      (local $i i32)
      (loop $next
        (local.set $i (i32.const 0))
        (block $differs
          (loop $same
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $at) (local.get $i)))
              (i32.load8_u (i32.add (i32.const 448) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $same (i32.lt_u (local.get $i) (i32.const 10))))
          (return (i32.add (local.get $at) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))
      unreachable)
    (func (export "run") (param $at i32) (param $length i32)
      (local $c i32) (local $n i32)
      (local.set $at (call $find (local.get $at)))
      (loop $next
        (local.set $c (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.eq (local.get $c) (i32.const 34)) (then (return))) ;; the closing quote
        (if (i32.eq (local.get $c) (i32.const 111)) (then (call $emit (i32.const 1) (i32.const 0) (i32.const 4))))
        (if (i32.eq (local.get $c) (i32.const 79)) (then (call $emit (i32.const 1) (i32.const 0) (i32.const 1048576))))
        (if (i32.eq (local.get $c) (i32.const 101)) (then (call $emit (i32.const 2) (i32.const 8) (i32.const 4))))
        (if (i32.eq (local.get $c) (i32.const 118)) (then (call $emit (i32.const 3) (i32.const 16) (i32.const 2))))
        (if (i32.eq (local.get $c) (i32.const 86)) (then (call $emit (i32.const 3) (i32.const 0) (i32.const 4))))
        (if (i32.eq (local.get $c) (i32.const 82)) (then (call $emit (i32.const 4) (i32.const 192) (i32.const 70))))
        (if (i32.eq (local.get $c) (i32.const 120)) (then (call $emit (i32.const 7) (i32.const 24) (i32.const 10))))
        (if (i32.eq (local.get $c) (i32.const 88)) (then (call $emit (i32.const 7) (i32.const 0) (i32.const 4))))
        (if (i32.eq (local.get $c) (i32.const 69)) (then (call $emit (i32.const 99) (i32.const 0) (i32.const 4))))
        (if (i32.eq (local.get $c) (i32.const 99)) (then (drop (call $submit (i32.const 1) (i32.const 64) (i32.const 37)))))
        (if (i32.eq (local.get $c) (i32.const 110)) (then (drop (call $submit (i32.const 1) (i32.const 128) (i32.const 33)))))
        (if (i32.eq (local.get $c) (i32.const 98)) (then (drop (call $submit (i32.const 1) (i32.const 0) (i32.const 4)))))
        (if (i32.eq (local.get $c) (i32.const 113)) (then (drop (call $submit (i32.const 77) (i32.const 0) (i32.const 4)))))
        (if (i32.eq (local.get $c) (i32.const 67)) (then (call $call (i32.const 1) (i32.const 64) (i32.const 37) (i32.const 512))))
        (if (i32.eq (local.get $c) (i32.const 107)) (then (call $cancel (i64.const 1))))
        (if (i32.eq (local.get $c) (i32.const 119)) (then (call $wait (i32.const 0) (i64.const 0) (i32.const 512))))
        (if (i32.eq (local.get $c) (i32.const 87)) (then (call $wait (i32.const 1) (i64.const 1000) (i32.const 512))))
        (if (i32.eq (local.get $c) (i32.const 112)) (then (call $emit (i32.const 1) (i32.load (i32.const 512)) (i32.load (i32.const 516)))))
        (if (i32.eq (local.get $c) (i32.const 97)) (then (call $emit (i32.const 6) (i32.const 320) (i32.const 53))))
        (if (i32.eq (local.get $c) (i32.const 80)) (then (call $emit (i32.const 5) (i32.const 384) (i32.const 37))))
        (if (i32.eq (local.get $c) (i32.const 115)) (then (loop $spin (br $spin))))
        (if (i32.eq (local.get $c) (i32.const 117)) (then unreachable))
        (if (i32.eq (local.get $c) (i32.const 114)) (then (drop (call $recurse (i32.const 0)))))
        (if (i32.eq (local.get $c) (i32.const 103)) (then (drop (memory.grow (i32.const 256)))))
        (if (i32.eq (local.get $c) (i32.const 71)) (then
          (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 256)))))
          unreachable))
        (if (i32.eq (local.get $c) (i32.const 66)) (then
          (drop (memory.grow (i32.const 272)))
          (call $emit (i32.const 3) (i32.const 0) (i32.const 17825792))))
        (if (i32.eq (local.get $c) (i32.const 78)) (then
          (local.set $n (i32.const 10000))
          (loop $again
            (call $emit (i32.const 1) (i32.const 0) (i32.const 0))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br_if $again (local.get $n)))))
        (br $next)))
  )
  (core instance $main (instantiate $Main
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "submit" (func $submit))
      (export "wait" (func $wait))
      (export "call" (func $call))
      (export "cancel" (func $cancel))
      (export "emit" (func $emit))))))
  (func (export "run") (param "script" (list u8))
    (canon lift (core func $main "run") (memory $mem) (realloc $realloc)))
)
