"use strict";
(() => {
  const form = document.getElementById("form");
  const result = document.getElementById("result");
  const names = JSON.parse(document.getElementById("names").textContent);
  let asked = 0;

  const element = (tag, text, ...children) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    made.append(...children);
    return made;
  };

  // "2018-10-12T09:30:00+07:00" is the city's own clock already: shown as it is written
  const moment = (text) => {
    const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T(\d+:\d+)/.exec(text);
    return `${time} ngày ${day}/${month}/${year}`;
  };

  // as people paste it: any dash, any kind of space, invisible marks
  const plain = (text) =>
    text.normalize("NFKC").replace(/[\u2010-\u2015\u2212]/g, "-").replace(/[\s\u200b-\u200f\ufeff]+/g, "").toUpperCase();

  const shardOf = async (code) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.slice(0, Number(form.dataset.hex));
  };

  const find = async (code) => {
    const answer = await fetch(`lookup/${await shardOf(code)}.json`, { cache: "no-cache" });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`lookup answered ${answer.status}`);
    const { dossiers } = await answer.json();
    return Object.hasOwn(dossiers, code) ? dossiers[code] : null;
  };

  const facts = (dossier) => {
    const list = element("dl");
    const add = (label, value) => value && list.append(element("dt", label), element("dd", value));
    add("Thủ tục", dossier.procedure_name ?? dossier.procedure_code);
    add("Cơ quan tiếp nhận", dossier.agency_name);
    add("Trạng thái", names.status[dossier.status]);
    add("Tiếp nhận", dossier.received_at && moment(dossier.received_at));
    add("Hẹn trả", dossier.due_at && moment(dossier.due_at));
    add("Giải quyết xong", dossier.finished_at && moment(dossier.finished_at));
    add("Trả kết quả", dossier.returned_at && moment(dossier.returned_at));
    return list;
  };

  const steps = (dossier) =>
    element(
      "ol",
      "",
      ...dossier.steps.map((step) =>
        element("li", "", `${names.status[step.status]} `, element("span", `${moment(step.at)}, ${step.agency}`)),
      ),
    );

  const show = (code, dossier) => {
    const now = element("p", names.progress[dossier.progress]);
    now.className = "now";
    const answer = element("div", "", element("h3", `Hồ sơ ${code}`), now, facts(dossier));
    if (dossier.steps.length) answer.append(element("h4", "Quá trình xử lý"), steps(dossier));
    return answer;
  };

  const lookUp = async (code) => {
    if (!crypto.subtle) return element("p", "Không tra cứu được: hãy mở trang này bằng địa chỉ bắt đầu bằng https.");
    try {
      const dossier = await find(code);
      if (dossier) return show(code, dossier);
      return element("p", `Không thấy hồ sơ ${code}. Hãy kiểm tra lại mã; hồ sơ mới nộp có sau lần cập nhật tới, và hồ sơ của một số thủ tục không được công bố.`);
    } catch (error) {
      console.error(error);
      return element("p", "Không tải được dữ liệu tra cứu. Hãy thử lại sau ít phút.");
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const number = (asked += 1);
    const code = plain(form.elements.code.value);
    const answer = code ? await lookUp(code) : element("p", "Hãy nhập mã hồ sơ.");
    if (number !== asked) return; // an answer to an older question
    answer.classList.add("answer");
    result.replaceChildren(answer);
  });
})();
