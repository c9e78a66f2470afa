// Multiply-adds a second of the two inner loops of a matrix product, on one thread: fp32 by fused multiply-add, bytes by
// what AVX2 has for them (vpmaddubsw, vpmaddwd, vpaddd). Their ratio bounds what int8 can gain without VNNI.
//
//     gcc -O3 -funroll-loops -mavx2 -mfma bench/int8_peak.c -o int8_peak && ./int8_peak
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 40000000, REPEATS = 5, SUMS = 10, BYTE_SUMS = 8 };

static double cpu_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

// Independent sums hide the latency; the empty assembler lines keep the compiler from working it out beforehand.
static double floats_s(void) {
  __m256 sums[SUMS], left = _mm256_set1_ps(1.0001f), right = _mm256_set1_ps(1e-7f);
  for (int i = 0; i < SUMS; i++) sums[i] = _mm256_set1_ps((float)i);
  double started = cpu_s();
  for (long round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SUMS; i++) sums[i] = _mm256_fmadd_ps(left, right, sums[i]);
    __asm__ volatile("" ::"x"(sums[0]), "x"(sums[5]));
  }
  double took = cpu_s() - started;
  volatile float kept = 0;
  for (int i = 0; i < SUMS; i++) kept += _mm256_cvtss_f32(sums[i]);
  return took;
}

static double bytes_s(void) {
  __m256i sums[BYTE_SUMS], weights[BYTE_SUMS], values = _mm256_set1_epi8(3), ones = _mm256_set1_epi16(1);
  for (int i = 0; i < BYTE_SUMS; i++) {
    sums[i] = _mm256_setzero_si256();
    weights[i] = _mm256_set1_epi8((char)i);
    __asm__ volatile("" : "+x"(weights[i]));
  }
  double started = cpu_s();
  for (long round = 0; round < ROUNDS; round++) {
    __asm__ volatile("" : "+x"(values));
    for (int i = 0; i < BYTE_SUMS; i++) {
      __m256i pairs = _mm256_maddubs_epi16(values, weights[i]);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  double took = cpu_s() - started;
  volatile int kept = 0;
  for (int i = 0; i < BYTE_SUMS; i++) kept += _mm256_extract_epi32(sums[i], 0);
  return took;
}

int main(void) {
  double floats = 1e9, bytes = 1e9;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    double took = floats_s();
    if (took < floats) floats = took;
    took = bytes_s();
    if (took < bytes) bytes = took;
  }
  floats = (double)ROUNDS * SUMS * 8 / floats / 1e9;
  bytes = (double)ROUNDS * BYTE_SUMS * 32 / bytes / 1e9;
  printf("fp32 %.1f, bytes %.1f billion multiply-adds a second; ratio %.2f\n", floats, bytes, bytes / floats);
  return 0;
}
