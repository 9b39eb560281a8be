package main

// #include <pthread.h>
// #include <sys/syscall.h>
// static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// static void lock(void) { pthread_mutex_lock(&mutex); }
import "C"

// cgoLock locks a mutex of C.
func cgoLock() { C.lock() }
