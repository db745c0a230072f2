// What debug information adds to an address: the functions that the compiler has inlined there, and lines of the source.
// Reads the address's unit alone. Nothing is invented: without debug information for the address the answer is empty.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace zeektrace {

class DwarfFile;

struct SourceFrame {
  std::string function;  // as the linker calls it, or as its source does where it has no such name
  std::string file;      // as the compiler was given it; "" when it is not known
  int line = 0;          // where in it: the call of the next inner frame, or the address's own line
};

// Innermost first: inlined functions, then the one that holds the code. `is_current`: the instruction at the address is to
// be executed next. Where an inlined body begins there it has not been entered yet, as in a debugger.
std::vector<SourceFrame> source_frames(DwarfFile& file, uint64_t address, bool is_current);

// The same for many addresses of a file, each looked up once. It is opened for the first of them; what has been read of it
// is let go again and again, so that memory stays bounded however many units there are.
class FileSourceFrames {
 public:
  FileSourceFrames(std::string path, std::string shown);
  FileSourceFrames(const FileSourceFrames&) = delete;
  FileSourceFrames& operator=(const FileSourceFrames&) = delete;
  ~FileSourceFrames();

  // By the offset in the file. Valid as long as this is.
  const std::vector<SourceFrame>& at(uint64_t file_offset, bool is_current);
  // Why a place has had no answer; "" when each had one, or some had and nothing describes the others.
  const std::string& trouble() const { return trouble_.empty() && !has_lines_ ? undescribed_ : trouble_; }

 private:
  DwarfFile* opened();

  std::string path_, shown_;
  std::unique_ptr<DwarfFile> file_;
  bool has_none_ = false;
  bool has_lines_ = false;
  std::string trouble_;
  std::string undescribed_;  // the same of a place that no unit of the file covers
  std::map<std::pair<uint64_t, bool>, std::vector<SourceFrame>> known_;
};

}  // namespace zeektrace
