// The short run of a fuzzer without libFuzzer: every file of the corpus, and then mutations of them, the same in every run.
//
//   fuzz_NAME COUNT DICTIONARY DIRECTORY…
//
// What is tried is first written to fuzz_NAME.found in the working directory, which stays there if it crashes.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The words of a libFuzzer dictionary; of its escapes those for quotes and backslashes.
std::vector<std::string> words_of(const std::string& path) {
  std::vector<std::string> words;
  std::istringstream lines(content(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 2 || line.front() != '"') continue;
    std::string word;
    for (size_t i = 1; i + 1 < line.size(); ++i) {
      if (line[i] == '\\' && i + 2 < line.size()) ++i;
      word += line[i];
    }
    words.push_back(word);
  }
  return words;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, const std::vector<std::string>& words) : corpus_(corpus), words_(words) {}

  std::string next() {
    constexpr size_t longest = 2048;
    std::string text = pick(corpus_);
    for (size_t i = 1 + below(4); i > 0; --i) mutate(text);
    return text.substr(0, longest);
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : static_cast<size_t>(engine_() % limit); }
  const std::string& pick(const std::vector<std::string>& list) { return list[below(list.size())]; }

  void mutate(std::string& text) {
    const size_t at = below(text.size() + 1), length = below(std::min<size_t>(text.size() - at, 40) + 1);
    const std::string part = text.substr(at, length);
    switch (below(7)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, part); break;
      case 2: text.insert(at, pick(words_)); break;
      case 3: text.replace(at, length, pick(words_)); break;
      case 4: text.insert(below(text.size() + 1), part); break;
      case 5: {
        const std::string& other = pick(corpus_);
        text = text.substr(0, at) + other.substr(below(other.size()));
        break;
      }
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(2) ? below(256) : static_cast<size_t>(text[at]) ^ 1);
    }
  }

  const std::vector<std::string>& corpus_;
  const std::vector<std::string>& words_;
  std::mt19937_64 engine_{20261128};
};

// `kept` stays open: closing a file that was written anew makes some file systems wait for the disk.
void attempt(int kept, const std::string& text) {
  const bool written = pwrite(kept, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ftruncate(kept, static_cast<off_t>(text.size())) == 0;
  if (!written) std::perror("what is tried can't be kept");
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::vector<std::string> corpus;
  for (int i = 3; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (entry.path().extension() == ".bt") corpus.push_back(content(entry.path()));
    }
  }
  if (corpus.empty()) return 2;
  std::sort(corpus.begin(), corpus.end());
  const std::vector<std::string> words = words_of(argv[2]);
  const std::string found = std::filesystem::path(argv[0]).filename().string() + ".found";
  const int kept = open(found.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644);
  for (const std::string& text : corpus) attempt(kept, text);
  Mutator mutator(corpus, words);
  const unsigned long count = std::strtoul(argv[1], nullptr, 10);
  for (unsigned long i = 0; i < count; ++i) attempt(kept, mutator.next());
  std::printf("%zu files and %lu mutations of them\n", corpus.size(), count);
  return std::remove(found.c_str()) == 0 ? 0 : 1;
}
